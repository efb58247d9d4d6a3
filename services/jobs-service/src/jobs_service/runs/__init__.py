"""Durable runs: states, leases, pauses, ends and storage."""
