"""Figures that are measured once: memory and refusals of a build at capacity, CPU time of the engine alone."""

import asyncio
import gc
import multiprocessing
import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Final

import uvloop
from tests.support.engine.building import engine_of, execution

from benchmarks import workflows
from benchmarks.builds import HERE, RunningBuild, build_of, run_build
from benchmarks.load import BenchmarkFailed, Callers, Row, Target
from executor_service.engine import BlockHandler, BlockResult, Call, Execution, Inputs
from executor_service.engine.binding import bind
from shared.contracts.runs import RunStatus

STREAMS: Final = 1_000
REFUSALS: Final = 500
CAPACITY: Final = dict.fromkeys(
    (
        "FLOWPORT_EXECUTOR_CONCURRENCY",
        "ADMISSION_GATE_MAX_INFLIGHT",
        "FLOWPORT_WORKSPACE_MAX_INFLIGHT",
        "FLOWPORT_STREAMS_PER_CALLER",
    ),
    str(STREAMS),
)
"""Capacity for exactly this number of concurrent calls."""
BLOCKS: Final = 10_000
REPEATS: Final = 3
LOOP: Final = workflows.indexed_loop(BLOCKS)["state"]


def measure_capacity(folder: Path) -> Row:
    """Return the memory of idle processes and streams, and the time that refused calls take.

    It runs once: the process keeps freed memory, which a second round would not measure.
    """
    with run_build(build_of(HERE, CAPACITY), folder) as build:
        idle = build.resident_mib()
        silent = build.deploy(workflows.streaming("vllm/words-60000"), workflows.stream_body())
        return idle | uvloop.run(_fill_gateway(build, build.deploy(workflows.no_op()), silent))


async def _fill_gateway(build: RunningBuild, no_op: Target, silent: Target) -> Row:
    async with Callers(STREAMS + 1) as http:
        await _call(http, no_op, 200)
        before = build.resident_mib()
        streams = await asyncio.gather(*(http.begin(silent) for _ in range(STREAMS)))
        after = build.resident_mib()
        refusals = [await _call(http, no_op, 429) for _ in range(REFUSALS)]
        for disconnect in streams:
            disconnect()
    row = {"refusal_p99_ms": statistics.quantiles(refusals, n=100)[98]}
    for service in ("gateway", "executor_service"):
        row[f"{service}_kib_per_stream"] = (after[f"{service}_mib"] - before[f"{service}_mib"]) * 1024 / STREAMS
    return row


async def _call(http: Callers, target: Target, status: int) -> float:
    """Make a call that gets this status, and return its duration in ms."""
    began = time.perf_counter()
    answer = await http.call(target)
    if answer.status != status:
        raise BenchmarkFailed(f"status {answer.status}, expected {status}: {answer.body[:300].decode()}")
    return (time.perf_counter() - began) * 1000


class Idle(BlockHandler):
    """Block that resolves its references and returns a constant."""

    def prepare(self, call: Call) -> Inputs:
        """Resolve the references of its code."""
        return Inputs({}, extra=None if call.block.code is None else bind(call.block.code, call.resolver))

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Return a text."""
        return BlockResult({"result": "x"})


def measure_engine(folder: Path) -> Row:
    """Return the CPU time per block of a long loop whose blocks only resolve a reference, in a separate process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        attached, journaled = (
            min(process.submit(run_loop, journaled=kind).result(timeout=120) for _ in range(REPEATS))
            for kind in (False, True)
        )
    return {"us_per_block": attached, "journaled_us_per_block": journaled, "journal_ratio": journaled / attached}


def run_loop(*, journaled: bool) -> float:
    """Return µs per block of an attached or a journaled run."""
    return asyncio.run(_run(execution(engine_of({"function": Idle()}), LOOP, journal=journaled)))


async def _run(execution: Execution) -> float:
    gc.collect()
    began = time.process_time()
    result = await execution.run()
    seconds = time.process_time() - began
    if result.outcome.status is not RunStatus.COMPLETED or execution.state.blocks_run < BLOCKS:
        raise BenchmarkFailed(f"{result.outcome.error}, {execution.state.blocks_run} blocks")
    return seconds / BLOCKS * 1e6


ALONE: Final[Mapping[str, Callable[[Path], Row]]] = {
    "memory and refusals": measure_capacity,
    "engine, loop of 10,000": measure_engine,
}
