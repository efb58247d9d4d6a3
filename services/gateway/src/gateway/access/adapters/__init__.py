"""MongoDB, argon2 and the broker's control exchange behind those ports."""
