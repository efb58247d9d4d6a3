"""Permanent deletion of what is stored of a workflow or a workspace."""
