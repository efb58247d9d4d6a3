"""Workflows as agents of the Agent2Agent protocol."""
