"""HTTP client of the load generators, with the connections of `shared.http1`, which use little CPU."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Self

import httpx2

from benchmarks.load.http_load import BenchmarkFailed, Target
from shared.http1.exchange import Exchange
from shared.http1.pool import ConnectionPool, origin_of
from shared.http1.requests import request_bytes

TIMEOUT_SECONDS: Final = 60.0


@dataclass(eq=False)
class Answer:
    """Response to one request."""

    status: int = 0
    body: bytearray = field(default_factory=bytearray)
    timestamps: list[float] = field(default_factory=list)
    """Arrival time of each chunk of the body (`time.perf_counter`)."""


class Callers:
    """Bounded pool of keep-alive connections."""

    def __init__(self, connections: int) -> None:
        self._pool = ConnectionPool(keep_seconds=TIMEOUT_SECONDS, max_connections=connections)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._pool.close()

    async def call(self, target: Target, method: str = "POST") -> Answer:
        """Send a request and read the response. Raises httpx2.TransportError. A GET request is sent without body."""
        exchange, release = await self._send(target, method)
        answer = Answer()
        try:
            async for chunk in exchange.body(TIMEOUT_SECONDS):
                answer.timestamps.append(time.perf_counter())
                answer.body += chunk
        finally:
            release()
        answer.status = exchange.status
        return answer

    async def begin(self, target: Target) -> Callable[[], None]:
        """Start a stream, wait for its first data, and return a function that disconnects.

        Raises BenchmarkFailed if the stream does not start.
        """
        exchange, release = await self._send(target, "POST")
        first = await anext(exchange.body(TIMEOUT_SECONDS), b"")
        if exchange.status != 200 or not first:
            release()
            raise BenchmarkFailed(f"stream did not start: {exchange.status} {first[:300]!r}")
        return release

    async def _send(self, target: Target, method: str) -> tuple[Exchange, Callable[[], None]]:
        url = httpx2.URL(target.url)
        origin = origin_of(url)
        headers = {"host": url.netloc.decode(), "content-type": "application/json", **target.headers}
        fields = [(name.encode(), value.encode()) for name, value in headers.items()]
        body = target.body.encode() if method == "POST" else b""
        request = request_bytes(method.encode(), url.raw_path, fields, body, has_length=False)
        connection = await self._pool.acquire(origin, slot_seconds=None, connect_seconds=TIMEOUT_SECONDS)
        return connection.send(request), partial(self._pool.release, origin, connection)
