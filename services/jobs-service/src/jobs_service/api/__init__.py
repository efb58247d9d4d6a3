"""Doors on internal HTTP."""
