"""Pages that `make docs` writes from benchmarks/results."""
