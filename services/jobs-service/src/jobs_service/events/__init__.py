"""Stored events of runs, for readers that come back."""
