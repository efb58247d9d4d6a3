"""A durable run: its states, leases, pauses and end, and how it is stored."""
