"""Outgoing adapters: replies, records, jobs-service, deploy-service."""
