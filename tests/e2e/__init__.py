"""Whole calls on the four services as processes: one stack, which stands while these tests run."""
