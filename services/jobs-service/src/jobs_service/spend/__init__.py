"""Model costs of workspaces."""
