"""Pages that say what was measured, written by `make docs` from the files in benchmarks/results."""
