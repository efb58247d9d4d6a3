"""Replay sets: recorded runs replayed together on a version or the draft."""
