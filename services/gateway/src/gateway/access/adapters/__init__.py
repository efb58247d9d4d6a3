"""Adapters of the access ports: MongoDB, argon2 and the broker's control exchange."""
