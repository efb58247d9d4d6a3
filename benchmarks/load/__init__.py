"""Load generators, one per kind of load."""
