"""A whole gateway over fakes, and each of its fakes."""
