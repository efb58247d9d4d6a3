"""Repairs of failed runs."""
