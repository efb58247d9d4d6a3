"""The first API generation: `/api/workflows/{id}/…` and `/api/jobs/{id}`."""
