"""Calls with an idempotency key: their records, and the answer that repetitions share."""
