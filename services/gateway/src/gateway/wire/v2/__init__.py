"""The third generation: `/api/v2/workflows/…`, which today's SDKs speak. Every answer is `{data}` or `{error}`."""
