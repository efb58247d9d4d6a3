"""What endpoints that start runs share."""
