"""Run counts of workflows."""
