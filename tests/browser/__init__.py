"""The console in a real browser: one stack, which stands while these tests run."""
