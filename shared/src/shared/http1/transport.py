"""Transport for httpx2 clients."""

from collections.abc import AsyncIterator

import httpx2

from shared.http1.connection import Connection
from shared.http1.pool import ConnectionPool, Origin, origin_of
from shared.http1.requests import request_bytes


class Http1Transport(httpx2.AsyncBaseTransport):
    """HTTP/1.1 for an httpx2 client.

    Request bodies are sent whole. Time limits are those of the httpx2 request.
    """

    def __init__(self, *, keep_seconds: float, max_connections: int = 100) -> None:
        """`keep_seconds` must be less than the server's idle timeout."""
        self._pool = ConnectionPool(keep_seconds=keep_seconds, max_connections=max_connections)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and return the response head; the body streams as it is read. Raises httpx2.TransportError."""
        seconds = request.extensions.get("timeout", {})
        origin, message = origin_of(request.url), _message(request, await request.aread())
        connection = await self._pool.acquire(
            origin, slot_seconds=seconds.get("pool"), connect_seconds=seconds.get("connect")
        )
        try:
            exchange = connection.send(message)
            await exchange.head(seconds.get("read"))
        except BaseException:
            self._pool.release(origin, connection)
            raise
        return httpx2.Response(
            exchange.status,
            headers=exchange.headers,
            stream=_Body(self._pool, origin, connection, exchange.body(seconds.get("read"))),
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": exchange.reason},
        )

    async def aclose(self) -> None:
        """Close the pool."""
        self._pool.close()


class _Body(httpx2.AsyncByteStream):
    def __init__(
        self, pool: ConnectionPool, origin: Origin, connection: Connection, pieces: AsyncIterator[bytes]
    ) -> None:
        self._pool = pool
        self._origin = origin
        self._connection: Connection | None = connection
        self._pieces = pieces

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.release(self._origin, connection)


def _message(request: httpx2.Request, body: bytes) -> bytes:
    method, target = request.method.encode("ascii"), request.url.raw_path
    return request_bytes(method, target, request.headers.raw, body, has_length="content-length" in request.headers)
