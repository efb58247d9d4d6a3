"""Recorded runs: list, read, delete."""
