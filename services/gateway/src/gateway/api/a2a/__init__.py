"""Workflows as agents of the Agent2Agent protocol, version 1.0."""
