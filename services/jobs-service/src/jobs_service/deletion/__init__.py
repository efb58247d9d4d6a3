"""Permanent deletion of a workflow's or a workspace's data."""
