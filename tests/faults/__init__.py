"""What breaks, and what survives it: one stack, which stands while these tests run."""
