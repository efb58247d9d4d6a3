"""Strict JSON from callers, and the problems that a body can have."""
