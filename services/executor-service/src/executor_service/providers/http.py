"""How the vendors' clients get to their servers."""

from typing import Final
from urllib.request import getproxies

import httpx2
from openai import DefaultAsyncHttpxClient

from shared.http1 import Http1Transport

KEEP_SECONDS: Final = 4.0
"""Many servers close what is not used after five."""
MAX_CONNECTIONS: Final = 1000


def streaming_client() -> httpx2.AsyncClient:
    """A client with the vendors' own timeouts and redirects, over our transport; through proxies, over httpx2's."""
    if getproxies():
        return DefaultAsyncHttpxClient()
    return DefaultAsyncHttpxClient(transport=Http1Transport(keep_seconds=KEEP_SECONDS, max_connections=MAX_CONNECTIONS))
