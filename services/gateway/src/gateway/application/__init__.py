"""What the gateway does for a caller, whichever API generation asked."""
