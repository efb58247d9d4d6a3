"""Routes of the internal HTTP API."""
