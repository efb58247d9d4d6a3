"""`python -m benchmarks.http_clients`: CPU time of internal calls over shared.http1, httpx2 and aiohttp (ADR 34).

`InternalClient` makes the same calls over each: JSON in both directions, a connect and a total timeout, at most 100
connections with 30 s of keep-alive. A server in a second process responds. Each round measures all clients in rotated
order. The table shows user and system time of the calling process, and the ratio to shared.http1.
"""

import argparse
import asyncio
import itertools
import multiprocessing
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Final

import aiohttp
import httptools
import httpx2
import msgspec
import uvloop
from pydantic import SecretStr
from rich.table import Table

from benchmarks.command_line import console
from benchmarks.comparison import Interval
from flowport.servers.ports import LOOPBACK
from shared.garbage_collection import raise_gc_threshold
from shared.http1 import Http1Client, HttpClient, HttpResponse
from shared.service import ServiceName
from shared.web.client import CONNECT_SECONDS, KEEP_SECONDS, InternalClient
from shared.web.internal_auth import ServiceTokens

IN_FLIGHT: Final = (1, 32)
CALLS: Final = 1_500
ROUNDS: Final = 12
TIMEOUT_SECONDS: Final = 30.0
OURS: Final = "shared.http1"
BODY: Final = {"attempt": 1, "worker": "executor-7f9c-1", "journal": ["block finished"] * 20}
ANSWER: Final = msgspec.json.encode({"state": "running", "journal": ["block finished"] * 20})
TOKENS: Final = ServiceTokens({ServiceName.GATEWAY: SecretStr("s3cret")})

Figures = dict[str, float]
"""CPU time per call in µs, by client."""


class AiohttpCaller:
    """Caller over an aiohttp session."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=100, keepalive_timeout=KEEP_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS),
            auto_decompress=False,
        )

    async def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, *, connect_seconds: float
    ) -> HttpResponse:
        url = self._base_url + path
        async with self._session.request(method, url, data=body, headers=headers, allow_redirects=False) as response:
            return HttpResponse(response.status, await response.read())

    async def aclose(self) -> None:
        await self._session.close()


class Httpx2Caller:
    """Caller over httpx2's connection pool."""

    def __init__(self, base_url: str) -> None:
        limits = httpx2.Limits(max_connections=100, max_keepalive_connections=100, keepalive_expiry=KEEP_SECONDS)
        self._base_url = base_url
        self._transport = httpx2.AsyncHTTPTransport(limits=limits, trust_env=False)

    async def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, *, connect_seconds: float
    ) -> HttpResponse:
        seconds = {"pool": connect_seconds, "connect": connect_seconds}
        request = httpx2.Request(
            method, self._base_url + path, headers=headers, content=body, extensions={"timeout": seconds}
        )
        response = await self._transport.handle_async_request(request)
        async with aclosing(response):
            return HttpResponse(response.status_code, await response.aread())

    async def aclose(self) -> None:
        await self._transport.aclose()


CALLERS: Final[Mapping[str, Callable[[str], HttpClient]]] = {
    OURS: lambda url: Http1Client(url, keep_seconds=KEEP_SECONDS),
    "httpx2": Httpx2Caller,
    "aiohttp": AiohttpCaller,
}


class JsonServer(asyncio.Protocol):
    """Responds to every request with the same JSON."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Prepare for the first request."""
        self._transport = transport
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        """Parse received data."""
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Send the response."""
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(ANSWER)
        self._transport.write(head + ANSWER)


def serve(port: "multiprocessing.Queue[int]") -> None:
    """Serve until the process is terminated."""

    async def listen() -> None:
        server = await asyncio.get_running_loop().create_server(JsonServer, LOOPBACK, 0)
        port.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(listen())


def measure(url: str, first: int, in_flight: int) -> Figures:
    """Measure every client once, starting with client number `first`."""
    order = [*CALLERS][first:] + [*CALLERS][:first]
    return uvloop.run(_measured(url, order, in_flight))


async def _measured(url: str, order: list[str], in_flight: int) -> Figures:
    found = {}
    for name in order:
        http = CALLERS[name](url)
        client = InternalClient(url, caller=ServiceName.GATEWAY, tokens=TOKENS, timeout=TIMEOUT_SECONDS, http=http)
        await _calls(client, in_flight, CALLS // 4)
        began = time.process_time()
        await _calls(client, in_flight, CALLS)
        found[name] = (time.process_time() - began) / CALLS * 1e6
        await client.stop()
    return found


async def _calls(client: InternalClient, in_flight: int, count: int) -> None:
    numbers = itertools.islice(itertools.count(), count)

    async def keep_calling() -> None:
        for number in numbers:
            await client.call("POST", f"/internal/runs/{number}/journal", body=BODY, returns=dict)

    await asyncio.gather(*(keep_calling() for _ in range(in_flight)))


def main() -> None:
    """Measure and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    raise_gc_threshold()
    spawn = multiprocessing.get_context("spawn")
    ports = spawn.Queue()
    server = spawn.Process(target=serve, args=(ports,), daemon=True)
    server.start()
    url = f"http://{LOOPBACK}:{ports.get(timeout=30)}"
    table = Table("in flight", "client", "CPU µs per call", f"× {OURS}", "95 % interval")
    try:
        for in_flight in IN_FLIGHT:
            found = [measure(url, number % len(CALLERS), in_flight) for number in range(rounds)]
            for name in CALLERS:
                ratio = Interval.of([figures[name] / figures[OURS] for figures in found])
                median = statistics.median(figures[name] for figures in found)
                bounds = f"{ratio.lower:.2f} to {ratio.upper:.2f}"
                table.add_row(str(in_flight), name, f"{median:.0f}", f"{ratio.median:.2f}", bounds)
    finally:
        server.terminate()
        server.join(5)
    console().print(table)


if __name__ == "__main__":
    main()
