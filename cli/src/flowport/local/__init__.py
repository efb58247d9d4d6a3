"""Local installations: `flowport up` in one process, and `flowport stack` in several."""
