"""HTTP client for model servers."""

from typing import Final
from urllib.request import getproxies

import httpx2

from executor_service.providers.limits import AnswerLimits, limit_hooks
from shared.http1 import Http1Transport

KEEPALIVE_SECONDS: Final = 4.0
"""Many servers close idle connections after five seconds."""
MAX_CONNECTIONS: Final = 1000


def streaming_client(*, follow_redirects: bool, limits: AnswerLimits) -> httpx2.AsyncClient:
    """Return a client with our transport, or httpx2's if the environment sets proxies."""
    has_proxy = bool(getproxies().keys() - {"no"})
    transport = None if has_proxy else Http1Transport(keep_seconds=KEEPALIVE_SECONDS, max_connections=MAX_CONNECTIONS)
    pool_limits = httpx2.Limits(max_connections=MAX_CONNECTIONS, keepalive_expiry=KEEPALIVE_SECONDS)
    return httpx2.AsyncClient(
        transport=transport,
        limits=pool_limits,
        follow_redirects=follow_redirects,
        event_hooks=limit_hooks(limits),
    )
