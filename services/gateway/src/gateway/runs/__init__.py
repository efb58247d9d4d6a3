"""Runs: start, follow, resume, cancel, list."""
