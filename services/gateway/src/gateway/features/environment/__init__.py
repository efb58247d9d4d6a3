"""Environment values of workspaces and users."""
