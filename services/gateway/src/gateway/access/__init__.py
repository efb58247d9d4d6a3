"""Callers: identity, permissions and rate limits."""
