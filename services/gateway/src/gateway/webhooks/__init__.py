"""Webhooks that report finished runs."""
