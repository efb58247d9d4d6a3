"""HTTP client of the load generators: raw sockets and a C parser, to use little CPU."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self, cast
from urllib.parse import urlsplit

import httptools

from benchmarks.load.http_load import BenchmarkFailed, Target

TIMEOUT_SECONDS: Final = 60.0


@dataclass(eq=False)
class Answer:
    """Response to one request."""

    status: int = 0
    body: bytearray = field(default_factory=bytearray)
    timestamps: list[float] = field(default_factory=list)
    """Arrival time of each piece of the body (`time.perf_counter`)."""


class Callers:
    """Bounded pool of keep-alive connections."""

    def __init__(self, connections: int) -> None:
        self._free = asyncio.Semaphore(connections)
        self._idle: list[_Connection] = []
        self._open: list[_Connection] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for each in self._open:
            each.close()

    async def post(self, target: Target) -> Answer:
        """Send a POST request and read the response. Raises BenchmarkFailed if none arrives."""
        return await self._answer("POST", target)

    async def get(self, target: Target) -> Answer:
        """Send a GET request, without the target's body."""
        return await self._answer("GET", target)

    async def begin(self, target: Target) -> Callable[[], None]:
        """Start a stream, wait for its first data, and return a function that disconnects.

        Raises BenchmarkFailed if the stream does not start.
        """
        connection = await self._connection(target)
        answer = await connection.answer(_request("POST", target), until_first=True)
        if answer.status != 200 or not answer.body:
            raise BenchmarkFailed(f"stream did not start: {answer.status} {bytes(answer.body[:300])!r}")
        return connection.close

    async def _answer(self, method: str, target: Target) -> Answer:
        async with self._free:
            connection = await self._connection(target)
            answer = await connection.answer(_request(method, target))
            if not connection.is_closed:
                self._idle.append(connection)
            return answer

    async def _connection(self, target: Target) -> "_Connection":
        address = _address(target.url)
        for each in self._idle:
            if each.address == address and not each.is_closed:
                self._idle.remove(each)
                return each
        async with asyncio.timeout(TIMEOUT_SECONDS):
            _, connection = await asyncio.get_running_loop().create_connection(lambda: _Connection(address), *address)
        self._open.append(connection)
        return connection


class _Connection(asyncio.Protocol):
    """Sequential requests on one connection. httptools calls the `on_…` methods."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer = Answer()
        self._end: asyncio.Future[None] | None = None
        self._until_first = False

    @property
    def is_closed(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    async def answer(self, request: bytes, *, until_first: bool = False) -> Answer:
        self._until_first = until_first
        loop = asyncio.get_running_loop()
        answer = self._answer = Answer()
        end = self._end = loop.create_future()
        timer = loop.call_later(TIMEOUT_SECONDS, self._fail, f"no complete response within {TIMEOUT_SECONDS:.0f} s")
        if self._transport is None:
            self._fail("not connected")
        else:
            self._transport.write(request)
        try:
            await end
        finally:
            timer.cancel()
        return answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        known = len(self._answer.body)
        answer = self._answer
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(str(error))
        if len(answer.body) > known:
            answer.timestamps.append(now)
            if self._until_first:
                self._done()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._fail(f"the connection was closed: {exc}")

    def on_headers_complete(self) -> None:
        self._answer.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self._answer.body += body

    def on_message_complete(self) -> None:
        self._done()
        if not self._parser.should_keep_alive():
            self.close()
        self._parser = httptools.HttpResponseParser(self)

    def _done(self) -> None:
        if self._end is not None and not self._end.done():
            self._end.set_result(None)

    def _fail(self, why: str) -> None:
        if self._end is not None and not self._end.done():
            self._end.set_exception(BenchmarkFailed(why))
        self.close()


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname is None:
        raise BenchmarkFailed(f"only plain HTTP is supported: {url}")
    return parts.hostname, parts.port or 80


def _request(method: str, target: Target) -> bytes:
    parts = urlsplit(target.url)
    body = target.body.encode() if method == "POST" else b""
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    headers = {
        "host": parts.netloc,
        "content-type": "application/json",
        "content-length": str(len(body)),
        **{name.lower(): value for name, value in target.headers.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body
