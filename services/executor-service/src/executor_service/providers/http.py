"""HTTP client for model servers."""

from typing import Final
from urllib.request import getproxies

import httpx2

from executor_service.providers.limits import AnswerBounds, bounding_hooks
from shared.http1 import Http1Transport

KEEP_SECONDS: Final = 4.0
"""Many servers close idle connections after five seconds."""
MAX_CONNECTIONS: Final = 1000


def streaming_client(*, follow_redirects: bool, bounds: AnswerBounds) -> httpx2.AsyncClient:
    """Return a client with our transport, or httpx2's if the environment sets proxies."""
    has_proxy = bool(getproxies().keys() - {"no"})
    transport = None if has_proxy else Http1Transport(keep_seconds=KEEP_SECONDS, max_connections=MAX_CONNECTIONS)
    limits = httpx2.Limits(max_connections=MAX_CONNECTIONS, keepalive_expiry=KEEP_SECONDS)
    return httpx2.AsyncClient(
        transport=transport,
        limits=limits,
        follow_redirects=follow_redirects,
        event_hooks=bounding_hooks(bounds),
    )
