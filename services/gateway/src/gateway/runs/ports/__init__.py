"""Ports to the broker and to jobs-service."""
