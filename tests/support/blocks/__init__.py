"""Blocks on the real engine, and the servers that they call."""
