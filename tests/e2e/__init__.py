"""Whole calls to the four services as processes: one stack, which all of these tests share."""
