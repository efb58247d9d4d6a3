"""What every route of the gateway uses."""
