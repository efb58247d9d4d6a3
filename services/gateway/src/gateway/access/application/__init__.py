"""Authentication, sessions, members, audit and rate limits, in terms of ports."""
