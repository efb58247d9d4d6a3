"""Helpers for documents: timestamps, inserts, the store's clock."""
