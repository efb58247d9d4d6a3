"""The broker of one process, for embedded mode and tests."""
