"""Use cases of deploy-service: each combines rules and ports."""
