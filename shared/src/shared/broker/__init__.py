"""The broker: work queues, reply streams, one broadcast, and their topology."""
