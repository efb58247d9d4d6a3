"""CPU time of the engine per block of a long loop, in a separate process.

The blocks only resolve a reference, so the scenario measures the engine itself.
"""

import asyncio
import gc
import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Final

import msgspec

from benchmarks import workflows
from benchmarks.load.http_load import BenchmarkFailed
from benchmarks.scenarios.scenario import Group, Options, Row, Scenario
from benchmarks.testbed import Testbed
from executor_service.engine import BlockHandler, BlockResult, Call, Engine, Execution, Inputs, Limits, RunRequest
from executor_service.engine.binding import bind
from executor_service.engine.resolver import Resolver
from shared.clock import SystemClock
from shared.contracts.events import RunEvent
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunMode, RunSpec, RunStatus, SnapshotRef
from shared.workflow.compile.code_references import CodeTemplate
from shared.workflow.compile.compiler import CompiledWorkflow, compile_workflow

BLOCKS: Final = 10_000
REPEATS: Final = 3


class Idle(BlockHandler):
    """Block that resolves its references and returns a constant."""

    def prepare(self, call: Call) -> Inputs:
        """Resolve the references of its code."""
        return Inputs({}, extra=None if call.block.code is None else bind(call.block.code, call.resolver))

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Return a text."""
        return BlockResult({"result": "x"})


class NullSink:
    """Discards events and journal entries."""

    async def emit(self, event: RunEvent) -> None:
        """Discard the event."""

    async def record(self, kind: str, data: msgspec.Raw) -> None:
        """Discard the entry."""

    async def flush(self) -> None:
        """Do nothing."""


class NoConditions:
    """Condition evaluator of workflows without conditions."""

    async def holds(self, condition: CodeTemplate, resolver: Resolver, request: RunRequest) -> bool:
        """Return false."""
        return False

    def release_scope(self, scope: str) -> None:
        """Do nothing."""


def groups(testbed: Testbed, options: Options) -> Iterator[Group]:
    """Return the scenario."""
    yield Group((Scenario("engine, loop of 10,000", _measure),))


def _measure() -> Row:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        attached, journaled = process.submit(measure, BLOCKS, REPEATS).result(timeout=120)
    return {"us_per_block": attached, "journaled_us_per_block": journaled, "journal_ratio": journaled / attached}


def measure(blocks: int, repeats: int) -> tuple[float, float]:
    """Return µs per block of an attached and of a journaled run, the fastest of `repeats`."""
    workflow = compile_workflow(workflows.indexed_loop(blocks)["state"])
    attached, journaled = (
        min(asyncio.run(_run(workflow, blocks, journaled=kind)) for _ in range(repeats)) for kind in (False, True)
    )
    return attached / blocks * 1e6, journaled / blocks * 1e6


async def _run(workflow: CompiledWorkflow, blocks: int, *, journaled: bool) -> float:
    engine = Engine(dict.fromkeys(("start_trigger", "function"), Idle()), NoConditions(), SystemClock(), Limits())
    snapshot = SnapshotRef("ws", "wf", "snapshot")
    spec = RunSpec(run_id="r", snapshot=snapshot, mode=RunMode.SYNC, input=Payload(), time_limit_ms=600_000)
    request = RunRequest(spec=spec, input={})
    sink = NullSink()
    execution = Execution(engine, workflow, request, environment={}, sink=sink, journal=sink if journaled else None)
    gc.collect()
    began = time.process_time()
    result = await execution.run()
    seconds = time.process_time() - began
    if result.outcome.status is not RunStatus.COMPLETED or execution.state.blocks_run < blocks:
        raise BenchmarkFailed(f"{result.outcome.error}, {execution.state.blocks_run} blocks")
    return seconds
