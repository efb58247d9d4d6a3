"""Webhooks about finished runs: subscriptions, notifications, deliveries."""
