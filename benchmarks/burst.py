"""`python -m benchmarks.burst`: 1,000 sync runs, 200 streams and 500 queued jobs at the same time. All must succeed."""

import argparse
import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final

import uvloop

from benchmarks import workflows
from benchmarks.command_line import temporary_folder
from benchmarks.load import job_load, stream_load, sync_load
from benchmarks.testbed import Testbed, run_testbed

SYNC: Final = 1_000
STREAMS: Final = 200
JOBS: Final = 500
CALLERS: Final = 32


@dataclass(frozen=True)
class Durations:
    """Seconds until the last response of each kind."""

    sync: float
    streams: float
    jobs: float


def main() -> None:
    """Warm up, run the burst once, and print its durations."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executors", type=int, default=1)
    executors = parser.parse_args().executors
    with temporary_folder() as folder, run_testbed(folder, executors=executors) as testbed:
        uvloop.run(sync_load.measure(testbed.no_op, runs=100, callers=CALLERS))
        took = uvloop.run(burst(testbed))
    print(f"{SYNC} sync runs in {took.sync:.1f} s")
    print(f"{STREAMS} streams in {took.streams:.1f} s")
    print(f"{JOBS} jobs in {took.jobs:.1f} s")


async def burst(testbed: Testbed) -> Durations:
    """Run all three kinds concurrently. Raises BenchmarkFailed if any call fails."""
    return Durations(
        *await asyncio.gather(
            _timed(sync_load.measure(testbed.no_op, runs=SYNC, callers=CALLERS)),
            _timed(stream_load.measure(testbed.stream, callers=STREAMS, tokens=workflows.TOKENS)),
            _timed(job_load.measure(testbed.no_op, jobs=JOBS, callers=CALLERS)),
        )
    )


async def _timed(work: Awaitable[object]) -> float:
    began = time.perf_counter()
    await work
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
