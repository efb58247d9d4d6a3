"""Cancels of one or many runs, also of unknown ones."""
