"""Permanent deletion of workflows and workspaces."""
