"""Application services of runs."""
