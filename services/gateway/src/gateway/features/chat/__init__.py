"""Chat pages of workflows."""
