"""Fakes around a worker."""
