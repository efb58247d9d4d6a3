"""References and secrets that do not resolve."""
