"""Rules about callers: credentials, roles, plans, rate limits."""
