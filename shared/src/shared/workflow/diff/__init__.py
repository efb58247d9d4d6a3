"""Differences between two states of a workflow."""
