"""Tells whoever asked for it that a run has ended: at least once, a bounded number of times, under one id."""
