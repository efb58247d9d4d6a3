"""Trace spans of a run, for its readers."""
