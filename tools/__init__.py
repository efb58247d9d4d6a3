"""Build and check tools that are not shipped."""
