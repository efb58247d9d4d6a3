"""Pages that are generated from code. `make docs` writes them, and a test fails if they are stale."""
