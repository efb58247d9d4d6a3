"""The second generation: `/api/v1/workflows/…`, for scripts and pipelines with a key."""
