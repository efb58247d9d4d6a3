"""A transport for httpx2 and whatever is built on it."""

import asyncio
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator
from functools import cached_property
from typing import Final

import httpx2

from shared.http1.connection import Connection, connect

_PORTS: Final = {"http": 80, "https": 443}
_FRAMED_BY_US: Final = frozenset({b"content-length", b"transfer-encoding", b"connection"})

_Origin = tuple[str, str, int]


class Http1Transport(httpx2.AsyncBaseTransport):
    """Opens connections and keeps the unused ones; what was used last is used next. Knows no proxies.

    Request bodies are sent whole. Its time limits are those of the request, as httpx2 has them.
    """

    def __init__(self, *, keep_seconds: float, max_connections: int = 100) -> None:
        """`keep_seconds` is less than after which the other side closes what is not used."""
        self._keep_seconds = keep_seconds
        self._max_connections = max_connections
        self._places = asyncio.Semaphore(max_connections)
        self._idle: defaultdict[_Origin, list[Connection]] = defaultdict(list)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send, and answer with the response's head; its body comes as it is read. Raises httpx2.TransportError."""
        seconds = request.extensions.get("timeout", {})
        origin, message = _origin(request.url), _message(request, await request.aread())
        await self._place(seconds.get("pool"))
        connection = None
        try:
            connection = self._kept(origin) or await self._opened(origin, seconds.get("connect"))
            exchange = connection.send(message)
            await exchange.head(seconds.get("read"))
        except BaseException:
            self.release(origin, connection)
            raise
        return httpx2.Response(
            exchange.status,
            headers=exchange.headers,
            stream=_Body(self, origin, connection, exchange.body(seconds.get("read"))),
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": exchange.reason},
        )

    async def aclose(self) -> None:
        """Close what is kept."""
        while self._idle:
            for connection in self._idle.popitem()[1]:
                connection.close()

    def release(self, origin: _Origin, connection: Connection | None) -> None:
        """Give back a place, and keep the connection if it is good for another request."""
        self._places.release()
        if connection is not None and connection.rest(self._keep_seconds):
            self._idle[origin].append(connection)

    def _kept(self, origin: _Origin) -> Connection | None:
        idle = self._idle[origin]
        while idle:
            connection = idle.pop()
            if connection.is_open:
                return connection
        return None

    async def _place(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._places.acquire()
        except TimeoutError:
            raise httpx2.PoolTimeout(f"All {self._max_connections:,} connections are in use") from None

    async def _opened(self, origin: _Origin, seconds: float | None) -> Connection:
        scheme, host, port = origin
        try:
            async with asyncio.timeout(seconds):
                return await connect(host, port, self._tls if scheme == "https" else None)
        except TimeoutError:
            raise httpx2.ConnectTimeout("The server could not be reached in time") from None
        except OSError as error:
            raise httpx2.ConnectError(str(error)) from error

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        context = httpx2.create_ssl_context()
        context.set_alpn_protocols(["http/1.1"])
        return context


class _Body(httpx2.AsyncByteStream):
    def __init__(
        self, transport: Http1Transport, origin: _Origin, connection: Connection, pieces: AsyncIterator[bytes]
    ) -> None:
        self._transport = transport
        self._origin = origin
        self._connection: Connection | None = connection
        self._pieces = pieces

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._transport.release(self._origin, connection)


def _origin(url: httpx2.URL) -> _Origin:
    if url.scheme not in _PORTS:
        raise httpx2.UnsupportedProtocol(f"The address begins with {url.scheme}, and not with http or https")
    return url.scheme, url.raw_host.decode("ascii"), url.port or _PORTS[url.scheme]


def _message(request: httpx2.Request, body: bytes) -> bytes:
    """A request as it is sent. Raises httpx2.LocalProtocolError: a key may hold anything that somebody typed."""
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
    for name, value in request.headers.raw:
        if any(control in value for control in (b"\r", b"\n", b"\0")):
            raise httpx2.LocalProtocolError(f"The header {name.decode('latin-1')} has a line break in it")
        if name.lower() not in _FRAMED_BY_US:
            lines.append(b"%b: %b" % (name, value))
    if body or "content-length" in request.headers:
        lines.append(b"content-length: %d" % len(body))
    return b"\r\n".join((*lines, b"", body))
