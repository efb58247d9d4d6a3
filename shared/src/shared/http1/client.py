"""Calls of one server without httpx2's request and response objects, which cost more than the call itself."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

import httpx2

from shared.http1.pool import ConnectionPool, origin_of
from shared.http1.requests import request_bytes

_PLAIN_TARGET: Final = re.compile(r"(?:/[\w\-:@,+=~%]+)+(?:\?[\w\-:@,+=~%&]*)?", re.ASCII)
"""Targets without characters to escape or dot segments."""
_WITHOUT_BODY: Final = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})


class HttpResponse(NamedTuple):
    """A fully read response."""

    status: int
    body: bytes

    @property
    def is_success(self) -> bool:
        """Return whether the status is 2xx; a redirect is no success."""
        return 200 <= self.status < 300


class HttpClient(Protocol):
    """Sends requests to one server."""

    async def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, *, connect_seconds: float
    ) -> HttpResponse:
        """Send one request and read the response.

        `connect_seconds` limits the wait for a pool slot, and again the opening of a connection. Raises
        httpx2.TransportError, httpx2.InvalidURL.
        """

    async def aclose(self) -> None:
        """Close the idle connections."""


class Http1Client:
    """Implements HttpClient. The caller of `send` limits the total time."""

    def __init__(self, base_url: str, *, keep_seconds: float, max_connections: int = 100) -> None:
        """`keep_seconds` must be less than the server's idle timeout."""
        self._url = httpx2.URL(base_url)
        self._host = (b"host", self._url.netloc)
        self._prefix = self._url.raw_path.rstrip(b"/")
        self._pool = ConnectionPool(keep_seconds=keep_seconds, max_connections=max_connections)

    async def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, *, connect_seconds: float
    ) -> HttpResponse:
        origin = origin_of(self._url)
        fields = [self._host, *((name.encode("ascii"), value.encode()) for name, value in headers.items())]
        has_length = body is not None or method not in _WITHOUT_BODY
        message = request_bytes(method.encode("ascii"), self._target(path), fields, body or b"", has_length=has_length)
        connection = await self._pool.acquire(origin, slot_seconds=connect_seconds, connect_seconds=connect_seconds)
        try:
            exchange = connection.send(message)
            await exchange.head(None)
            return HttpResponse(exchange.status, b"".join([piece async for piece in exchange.body(None)]))
        finally:
            self._pool.release(origin, connection)

    async def aclose(self) -> None:
        self._pool.close()

    def _target(self, path: str) -> bytes:
        if _PLAIN_TARGET.fullmatch(path):
            return self._prefix + path.encode("ascii")
        return httpx2.URL(str(self._url).rstrip("/") + path).raw_path
