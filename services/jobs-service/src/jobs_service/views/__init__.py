"""Runs as readers see them: one, lists, logs."""
