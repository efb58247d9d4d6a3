"""The public doors. Each API generation has its own words for the same results."""
