"""Search index of the words of runs."""
