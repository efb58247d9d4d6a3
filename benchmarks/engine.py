"""`python -m benchmarks.engine`: CPU time and memory of the engine per block, at growing sizes.

Blocks do nothing, so only the engine is measured. Each measurement has its own process. Prints a table and writes
benchmarks/results/engine.json.
"""

import argparse
import asyncio
import gc
import json
import multiprocessing
import os
import platform
import resource
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.engine_workflows import SCENARIOS, Scenario
from executor_service.engine import BlockHandler, BlockResult, Call, Engine, Execution, Inputs, Limits, RunRequest
from executor_service.engine.binding import bind
from executor_service.engine.resolver import Resolver
from shared.clock import SystemClock
from shared.contracts.events import RunEvent
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunMode, RunSpec, RunStatus, SnapshotRef
from shared.workflow.compile.code_references import CodeTemplate
from shared.workflow.compile.compiler import CompiledWorkflow, compile_workflow

RESULTS = Path(__file__).parent / "results" / "engine.json"
Row = dict[str, float]


class Idle(BlockHandler):
    """Block that returns a text of a given size."""

    def __init__(self, output_bytes: int) -> None:
        self._bytes = output_bytes

    def prepare(self, call: Call) -> Inputs:
        """Resolve the references of its code."""
        return Inputs({}, extra=None if call.block.code is None else bind(call.block.code, call.resolver))

    async def run(self, call: Call, inputs: Inputs) -> BlockResult:
        """Return a new text."""
        return BlockResult({"result": "x" * self._bytes})


class NullSink:
    """Discards events and journal entries."""

    async def emit(self, event: RunEvent) -> None:
        """Take it."""

    async def record(self, kind: str, data: msgspec.Raw) -> None:
        """Take it."""

    async def flush(self) -> None:
        """Do nothing."""


class NoConditions:
    """Condition evaluator of workflows without conditions."""

    async def holds(self, condition: CodeTemplate, resolver: Resolver, request: RunRequest) -> bool:
        """Return false."""
        return False

    def release_scope(self, scope: str) -> None:
        """Do nothing."""


def main() -> None:
    """Measure all scenarios, print a table and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    console = Console()
    context = multiprocessing.get_context("spawn")
    rows: list[Mapping[str, Any]] = []
    with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as processes:
        for number, scenario in enumerate(SCENARIOS):
            for size in scenario.sizes:
                row = processes.submit(measure, number, size, options.rounds).result(timeout=600)
                rows.append({"scenario": scenario.name, "size": size, **row})
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"machine": machine, "rounds": options.rounds, "rows": rows}, indent=2) + "\n")
    console.print(_table(rows))
    console.print(f"Written to {RESULTS}")


def measure(number: int, size: int, rounds: int) -> Row:
    """Measure one scenario at one size: the fastest of `rounds`, attached and journaled, and memory growth."""
    scenario = SCENARIOS[number]
    blocks = scenario.blocks(size)
    document = scenario.build(size)
    began = time.process_time()
    workflow = compile_workflow(document)
    compile_seconds = time.process_time() - began
    before = _peak_mib()
    attached = _fastest(scenario, workflow, blocks, rounds, journaled=False)
    peak = _peak_mib() - before
    journaled = _fastest(scenario, workflow, blocks, rounds, journaled=True)
    return {
        "blocks": blocks,
        "compile_ms": round(compile_seconds * 1000, 2),
        "us_per_block": round(attached / blocks * 1e6, 2),
        "journaled_us_per_block": round(journaled / blocks * 1e6, 2),
        "peak_mib": round(peak, 2),
    }


def _fastest(scenario: Scenario, workflow: CompiledWorkflow, blocks: int, rounds: int, *, journaled: bool) -> float:
    return min(asyncio.run(_timed(scenario, workflow, blocks, journaled=journaled)) for _ in range(rounds))


async def _timed(scenario: Scenario, workflow: CompiledWorkflow, blocks: int, *, journaled: bool) -> float:
    handlers = {"start_trigger": Idle(16), "function": Idle(scenario.output_bytes)}
    engine = Engine(handlers, NoConditions(), SystemClock(), Limits())
    request = RunRequest(
        spec=RunSpec(
            run_id="r",
            snapshot=SnapshotRef("ws", "wf", "snapshot"),
            mode=RunMode.SYNC,
            input=Payload(),
            time_limit_ms=600_000,
        ),
        input={},
    )
    sink = NullSink()
    execution = Execution(engine, workflow, request, environment={}, sink=sink, journal=sink if journaled else None)
    gc.collect()
    began = time.process_time()
    result = await execution.run()
    seconds = time.process_time() - began
    if result.outcome.status is not RunStatus.COMPLETED or execution.state.blocks_run < blocks:
        raise RuntimeError(f"{scenario.name}: {result.outcome.error}, {execution.state.blocks_run} blocks")
    return seconds


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _table(rows: list[Mapping[str, Any]]) -> Table:
    table = Table("scenario", "size", "compile", "µs per block", "journaled", "memory")
    for row in rows:
        table.add_row(
            row["scenario"],
            f"{row['size']:,}",
            f"{row['compile_ms']:,.0f} ms",
            f"{row['us_per_block']:.0f}",
            f"{row['journaled_us_per_block']:.0f}",
            f"{row['peak_mib']:.0f} MiB",
        )
    return table


if __name__ == "__main__":
    main()
