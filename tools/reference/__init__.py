"""Pages that are written from code: `make docs` writes them, and a test fails while they are stale."""
