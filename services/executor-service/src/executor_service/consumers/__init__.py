"""Consumers of the executor's broker messages."""
