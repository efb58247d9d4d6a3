"""jobs-service for tests: in memory, and with a real store."""
