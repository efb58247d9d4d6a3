"""Spend of workspaces on models."""
