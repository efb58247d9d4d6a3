"""Strict JSON parsing and validation."""
