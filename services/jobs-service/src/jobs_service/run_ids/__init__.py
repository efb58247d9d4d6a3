"""Run ids that callers choose."""
