"""CPU time of the engine per block of a long loop, in a separate process.

The blocks only resolve a reference, so the scenario measures the engine itself.
"""

import asyncio
import gc
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Final

from tests.support.engine.building import engine_of, execution

from benchmarks import workflows
from benchmarks.load.http_load import BenchmarkFailed
from benchmarks.scenarios.scenario import Group, Row, Scenario
from executor_service.engine import BlockHandler, BlockResult, Call, Execution, Inputs
from executor_service.engine.binding import bind
from shared.contracts.runs import RunStatus

BLOCKS: Final = 10_000
REPEATS: Final = 3
LOOP: Final = workflows.indexed_loop(BLOCKS)["state"]


class Idle(BlockHandler):
    """Block that resolves its references and returns a constant."""

    def prepare(self, call: Call) -> Inputs:
        """Resolve the references of its code."""
        return Inputs({}, extra=None if call.block.code is None else bind(call.block.code, call.resolver))

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Return a text."""
        return BlockResult({"result": "x"})


def group() -> Group:
    """Return the scenario."""
    return Group((Scenario("engine, loop of 10,000", _measure),))


def _measure() -> Row:
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
