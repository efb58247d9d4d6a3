"""In-process broker, for embedded mode and tests."""
