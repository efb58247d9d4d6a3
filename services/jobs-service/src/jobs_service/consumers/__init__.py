"""Doors on the broker."""
