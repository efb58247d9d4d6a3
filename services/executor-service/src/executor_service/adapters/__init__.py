"""The executor's way out: replies, records, jobs-service, deploy-service."""
