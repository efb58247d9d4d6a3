"""Adapters of the run ports: the broker and jobs-service."""
