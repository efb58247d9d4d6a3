"""The gateway's outside: its database, the other services, the broker."""
