"""Token streams read by many callers at once."""

import asyncio
import time
from dataclasses import dataclass

import aiohttp

from benchmarks.http_load import BenchmarkFailed, Target
from benchmarks.http_session import session


@dataclass(frozen=True)
class Streamed:
    """What the readers of one round saw."""

    first_token_ms: float
    """Median over the streams."""
    tokens_per_second: float
    """All streams together."""


async def measure(target: Target, *, callers: int, expected: str) -> Streamed:
    """Open `callers` streams at once and read each to its end; the text of every one must end with `expected`."""
    async with session(callers) as http:
        began = time.perf_counter()
        firsts = await asyncio.gather(*(_read(http, target, expected) for _ in range(callers)))
        took = time.perf_counter() - began
    tokens = len(expected.split(" ")) * callers
    return Streamed(sorted(firsts)[len(firsts) // 2] * 1000, tokens / took)


async def _read(http: aiohttp.ClientSession, target: Target, expected: str) -> float:
    began = time.perf_counter()
    first = 0.0
    received = bytearray()
    async with http.post(target.url, data=target.body, headers=target.headers) as response:
        async for piece in response.content.iter_any():
            first = first or time.perf_counter() - began
            received += piece
    if not received.endswith(b'data: "[DONE]"\n\n') or not _text(bytes(received)).endswith(expected):
        raise BenchmarkFailed(f"a stream was not whole: {bytes(received[-300:])!r}")
    return first


def _text(received: bytes) -> str:
    chunks = [line for line in received.split(b"\n\n") if b'"chunk":' in line]
    return "".join(line.split(b'"chunk":"', 1)[1].rsplit(b'"', 1)[0].decode() for line in chunks)
