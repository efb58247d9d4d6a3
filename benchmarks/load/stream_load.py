"""Token streams with concurrent readers."""

import asyncio
import itertools
import statistics
import time

from benchmarks.load.http_callers import Callers
from benchmarks.load.http_load import BenchmarkFailed, Target

_ENDS = (b'data: "[DONE]"\n\n', b"data: [DONE]\n\n")


async def measure(target: Target, *, callers: int, tokens: int, times: int = 1) -> dict[str, float]:
    """Read `callers` concurrent streams to their end, `times` times. Each must have all its tokens.

    Return the median time of the first token, the gap between two chunks of a stream, and the rate of all streams.
    """
    last = f"w{tokens - 1:03d}".encode()
    arrivals: list[list[float]] = []
    async with Callers(callers) as http:
        began = time.perf_counter()
        for _ in range(times):
            arrivals += await asyncio.gather(*(_read(http, target, last) for _ in range(callers)))
        took = time.perf_counter() - began
    firsts = [each[0] for each in arrivals]
    gaps = [later - sooner for each in arrivals for sooner, later in itertools.pairwise(each)] or [0.0]
    gap_p99 = sorted(gaps)[len(gaps) * 99 // 100]
    return {
        "first_token_ms": statistics.median(firsts) * 1000,
        "gap_p99_ms": gap_p99 * 1000,
        "tokens_per_second": tokens * callers * times / took,
    }


async def _read(http: Callers, target: Target, last: bytes) -> list[float]:
    """Return the arrival times of the chunks, in seconds since the request."""
    began = time.perf_counter()
    answer = await http.call(target)
    if not answer.body.endswith(_ENDS) or last not in answer.body:
        raise BenchmarkFailed(f"incomplete stream: {answer.status} {bytes(answer.body[-300:])!r}")
    return [timestamp - began for timestamp in answer.timestamps]
