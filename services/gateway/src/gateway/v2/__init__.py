"""The third generation: `/api/v2/workflows/…`, for current SDKs. Every answer is `{data}` or `{error}`."""
