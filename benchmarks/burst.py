"""Everything at once: 1,000 sync runs, 200 streams of 200 tokens and 500 queued jobs. Every one must end right.

python -m benchmarks.burst [--executors 1]
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from benchmarks import workflows
from benchmarks.load import job_load, stream_load
from benchmarks.load.http_load import BenchmarkFailed, Target
from benchmarks.load.http_session import session
from benchmarks.stand import Stand, standing

SYNC: Final = 1_000
STREAMS: Final = 200
JOBS: Final = 500
CALLERS: Final = 32


@dataclass(frozen=True)
class Took:
    """Seconds from the common start to the last answer of each kind."""

    sync: float
    streams: float
    jobs: float


def main() -> None:
    """Run it once, warm, and print how long each kind took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executors", type=int, default=1)
    with (
        tempfile.TemporaryDirectory() as folder,
        standing(Path(folder), executors=parser.parse_args().executors) as stand,
    ):
        asyncio.run(_sync(stand.no_op, 100))
        took = asyncio.run(burst(stand))
    print(f"{SYNC} sync runs in {took.sync:.1f} s")
    print(f"{STREAMS} streams in {took.streams:.1f} s")
    print(f"{JOBS} jobs in {took.jobs:.1f} s")


async def burst(stand: Stand) -> Took:
    """All three kinds at the same time. Raises BenchmarkFailed when a single one went wrong."""
    return Took(
        *await asyncio.gather(
            _timed(_sync(stand.no_op, SYNC)),
            _timed(stream_load.measure(stand.stream, callers=STREAMS, tokens=workflows.TOKENS)),
            _timed(job_load.measure(stand.no_op, jobs=JOBS, callers=CALLERS)),
        )
    )


async def _timed(work: Awaitable[object]) -> float:
    began = time.perf_counter()
    await work
    return time.perf_counter() - began


async def _sync(target: Target, runs: int) -> None:
    async with session(CALLERS) as http:
        await asyncio.gather(*(_run(http, target) for _ in range(runs)))


async def _run(http: aiohttp.ClientSession, target: Target) -> None:
    async with http.post(target.url, data=target.body, headers=target.headers) as response:
        text = await response.text()
    if json.loads(text) != {"ok": True}:
        raise BenchmarkFailed(f"a sync run went wrong: {response.status} {text}")


if __name__ == "__main__":
    main()
