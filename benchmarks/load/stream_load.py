"""Token streams read by many callers at once."""

import asyncio
import itertools
import statistics
import time
from dataclasses import dataclass

from benchmarks.load.callers import Callers
from benchmarks.load.http_load import BenchmarkFailed, Target

_ENDS = (b'data: "[DONE]"\n\n', b"data: [DONE]\n\n")


@dataclass(frozen=True)
class Streamed:
    """What the readers of one round saw."""

    first_token_ms: float
    """Median over the streams."""
    gap_p99_ms: float
    """Between two pieces of a stream, over all streams."""
    tokens_per_second: float
    """All streams together."""

    def row(self) -> dict[str, float]:
        """For a table."""
        return {
            "first_token_ms": self.first_token_ms,
            "gap_p99_ms": self.gap_p99_ms,
            "tokens_per_second": self.tokens_per_second,
        }


async def measure(target: Target, *, callers: int, tokens: int, times: int = 1) -> Streamed:
    """Open `callers` streams at once, `times` times, and read each to its end. Each must say all its tokens."""
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
    return Streamed(statistics.median(firsts) * 1000, gap_p99 * 1000, tokens * callers * times / took)


async def _read(http: Callers, target: Target, last: bytes) -> list[float]:
    """When each piece came, in seconds from the request."""
    began = time.perf_counter()
    answer = await http.post(target)
    if not answer.body.endswith(_ENDS) or last not in answer.body:
        raise BenchmarkFailed(f"a stream was not whole: {answer.status} {bytes(answer.body[-300:])!r}")
    return [moment - began for moment in answer.moments]
