"""What we use to build and check, and never ship."""
