"""Start and follow runs, in terms of ports."""
