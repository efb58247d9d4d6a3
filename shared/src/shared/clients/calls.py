"""Base of the typed clients of services."""

from shared.web.client import InternalClient


class ServiceCalls:
    """Client for one subject of a service, such as runs or recordings."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client
