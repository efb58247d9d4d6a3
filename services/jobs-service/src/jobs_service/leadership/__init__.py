"""Leader election, and loops that a leader or every process runs."""
