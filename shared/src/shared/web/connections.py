"""HTTP/1.1 to one other service, over connections that are kept (RFC 9112).

What was used last is used next, so that a call looks at one connection and not at all of them.
"""

import asyncio
import ssl
import time
from typing import Final, cast

import httptools
import httpx

MAX_CONNECTIONS: Final = 100
CONNECT_SECONDS: Final = 5.0
IDLE_SECONDS: Final = 30.0
"""An idle connection is used no more after this, well before the other side closes it (see shared.web.server)."""
_PORTS: Final = {"http": 80, "https": 443}
_FRAMED_BY_US: Final = frozenset({b"content-length", b"transfer-encoding", b"connection"})


class KeptConnections(httpx.AsyncBaseTransport):
    """A transport to one origin: at most `MAX_CONNECTIONS` at once, the rest wait.

    Raises httpx.ConnectError while nothing was sent, httpx.ReadError when the answer cannot be had, and
    httpx.RemoteProtocolError when it is no HTTP. Has no time limit: its caller has one.
    """

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(MAX_CONNECTIONS)
        self._idle: list[_Connection] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One exchange; the answer is read whole."""
        message = _message(request)
        async with self._places:
            connection = self._kept() or await _connect(request.url)
            try:
                response = await connection.exchange(message)
            except BaseException:
                connection.close()
                raise
            if connection.may_be_kept:
                self._idle.append(connection)
            return response

    async def aclose(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().close()

    def _kept(self) -> "_Connection | None":
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                return connection
            connection.close()
        return None


class _Connection(asyncio.Protocol):
    """One request after the other. The parser calls the `on_…` methods."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._is_open = False
        self._used_at = time.monotonic()
        self._answer: asyncio.Future[httpx.Response] | None = None
        self._begin_answer()
        self.may_be_kept = False

    @property
    def is_usable(self) -> bool:
        """Whether a request may be sent on it."""
        return self._is_open and time.monotonic() - self._used_at < IDLE_SECONDS

    async def exchange(self, message: bytes) -> httpx.Response:
        """Send a request, and return its answer."""
        self._begin_answer()
        self._answer = asyncio.get_running_loop().create_future()
        if self._transport is None or not self._is_open:
            raise httpx.ReadError("the connection was closed")
        self._transport.write(message)
        return await self._answer

    def close(self) -> None:
        """Forget it."""
        self._is_open = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport, self._is_open = cast("asyncio.Transport", transport), True

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(httpx.RemoteProtocolError(str(error)))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._is_open = False
        self._fail(httpx.ReadError(str(exc or "the connection was closed")))

    def on_header(self, name: bytes, value: bytes) -> None:
        """See httptools."""
        self._headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        """See httptools."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """See httptools."""
        self.may_be_kept = self._is_open and self._parser.should_keep_alive()
        self._used_at = time.monotonic()
        if self._answer is None or self._answer.done():
            self.close()  # nobody has asked for it
            return
        status = self._parser.get_status_code()
        self._answer.set_result(httpx.Response(status, headers=self._headers, content=b"".join(self._body)))

    def _begin_answer(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)


async def _connect(url: httpx.URL) -> _Connection:
    loop = asyncio.get_running_loop()
    port = url.port or _PORTS[url.scheme]
    secured = ssl.create_default_context() if url.scheme == "https" else None
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, connection = await loop.create_connection(_Connection, url.host, port, ssl=secured)
    except (OSError, TimeoutError) as error:
        raise httpx.ConnectError(str(error) or "nobody took the connection in time") from error
    return connection


def _message(request: httpx.Request) -> bytes:
    """A request as it is sent: its body is at hand, so its length is known."""
    lines = [b"%b %b HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
    lines += [b"%b: %b" % (name, value) for name, value in request.headers.raw if name.lower() not in _FRAMED_BY_US]
    lines += [b"content-length: %d" % len(request.content), b"", request.content]
    return b"\r\n".join(lines)
