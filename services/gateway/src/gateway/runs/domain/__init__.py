"""Rules about runs: requests, states, pauses, idempotency."""
