"""Callers that leave the machine to what is measured: one socket each, a parser in C, no more HTTP than answers need.

aiohttp takes more than twice as long for an answer, and was a sixth of the work while 32 streams began.
"""

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
    """What came back for one request."""

    status: int = 0
    body: bytearray = field(default_factory=bytearray)
    moments: list[float] = field(default_factory=list)
    """When each piece of the body was read, by `time.perf_counter`."""


class Callers:
    """At most so many requests at once, each on a connection that is kept for the next."""

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
        """Send `target` once and read the answer to its end. Raises BenchmarkFailed where none comes."""
        return await self._answer("POST", target)

    async def get(self, target: Target) -> Answer:
        """Ask for what lies at `target`, whose body is left out."""
        return await self._answer("GET", target)

    async def begin(self, target: Target) -> Callable[[], None]:
        """Send `target` and read until something is said; what comes after it is for nobody. Returns how to hang up.

        Raises BenchmarkFailed where nothing is said, or no.
        """
        connection = await self._connection(target)
        answer = await connection.answer(_request("POST", target), until_first=True)
        if answer.status != 200 or not answer.body:
            raise BenchmarkFailed(f"a stream did not begin: {answer.status} {bytes(answer.body[:300])!r}")
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
    """One request after the other. Its `on_…` methods are httptools' way to say what it read."""

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
        give_up = loop.call_later(TIMEOUT_SECONDS, self._fail, f"no end in {TIMEOUT_SECONDS:.0f} s")
        if self._transport is None:
            self._fail("not connected")
        else:
            self._transport.write(request)
        try:
            await end
        finally:
            give_up.cancel()
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
            answer.moments.append(now)
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
        raise BenchmarkFailed(f"only plain HTTP is measured: {url}")
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
