"""Pauses of runs, and their answers."""
