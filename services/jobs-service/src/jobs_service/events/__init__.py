"""Stored events of runs, for reconnecting readers."""
