"""Trace spans of a run, as its readers see them."""
