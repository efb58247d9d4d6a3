"""State of a workspace's queue."""
