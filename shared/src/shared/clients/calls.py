"""Base of typed calls."""

from shared.web.client import InternalClient


class ServiceCalls:
    """Calls of one subject of a service."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client
