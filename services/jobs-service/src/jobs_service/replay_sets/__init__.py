"""Replay sets: recorded runs that are replayed together."""
