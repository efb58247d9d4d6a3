"""Everything at once: 1,000 sync runs, 200 streams of 200 tokens and 500 queued jobs. Every one must end right.

python -m benchmarks.burst [--executors 1]
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final

import uvloop

from benchmarks import workflows
from benchmarks.load import calls, job_load, stream_load
from benchmarks.stand import Stand, standing
from benchmarks.surroundings import temporary_folder

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
    executors = parser.parse_args().executors
    with temporary_folder() as folder, standing(folder, executors=executors) as stand:
        uvloop.run(calls.measure(stand.no_op, runs=100, callers=CALLERS))
        took = uvloop.run(burst(stand))
    print(f"{SYNC} sync runs in {took.sync:.1f} s")
    print(f"{STREAMS} streams in {took.streams:.1f} s")
    print(f"{JOBS} jobs in {took.jobs:.1f} s")


async def burst(stand: Stand) -> Took:
    """All three kinds at the same time. Raises BenchmarkFailed when a single one went wrong."""
    return Took(
        *await asyncio.gather(
            _timed(calls.measure(stand.no_op, runs=SYNC, callers=CALLERS)),
            _timed(stream_load.measure(stand.stream, callers=STREAMS, tokens=workflows.TOKENS)),
            _timed(job_load.measure(stand.no_op, jobs=JOBS, callers=CALLERS)),
        )
    )


async def _timed(work: Awaitable[object]) -> float:
    began = time.perf_counter()
    await work
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
