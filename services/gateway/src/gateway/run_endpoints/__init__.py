"""Shared parts of endpoints that start runs."""
