"""Servers that embedded mode and the tests run as child processes on loopback."""
