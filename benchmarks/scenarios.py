"""Everything that `python -m benchmarks` measures: each scenario, what it is held against, and what one round gives."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from benchmarks import capacity, http_load, job_load, large_input, stream_load, workflows
from benchmarks.http_load import Target
from benchmarks.lifecycle import cold_start, first_run_of_new_version
from benchmarks.processes import CpuMeter, resident_mib
from benchmarks.stand import BARE, MODEL, SYNC, TASK_QUEUE, WEB, Stand
from shared.service import ServiceName

Row = dict[str, float]
EXECUTORS: Final = (1, 2, 4)
FEW: Final = 32
"""With more callers than this, large workflows would only measure their own queue."""


@dataclass(frozen=True)
class Options:
    """How much is measured."""

    seconds: float
    callers: tuple[int, ...]
    streams: tuple[int, ...]
    jobs: int
    idle_streams: int


@dataclass(frozen=True)
class Scenario:
    """`run` measures one round. What changes the stand, or wants it untouched, is `alone`: once, in its place."""

    name: str
    run: Callable[[], Row]
    baseline: str | None = None
    alone: bool = False


def scenarios(stand: Stand, options: Options) -> Iterator[Scenario]:
    """All of them, each after its baseline."""
    yield Scenario("resident memory, idle", lambda: _memory(stand), alone=True)
    for callers in options.callers:
        yield from _sync(stand, callers, options.seconds)
    for streams in options.streams:
        yield from _streams(stand, streams)
    yield Scenario(f"{BARE}, 10 MB", lambda: large_input.measure(stand.targets[BARE]))
    yield Scenario("sync no-op, 10 MB", lambda: large_input.measure(stand.no_op), f"{BARE}, 10 MB")
    for executors in EXECUTORS:
        yield Scenario(f"async, {executors} executors", partial(_jobs, stand, options, executors), alone=True)
    yield Scenario("promote to first run", lambda: first_run_of_new_version(stand), alone=True)
    name = f"{options.idle_streams:,} idle streams, and refusals beyond"
    yield Scenario(name, lambda: capacity.measure(stand, options.idle_streams), alone=True)
    yield Scenario("cold start", lambda: cold_start(stand), alone=True)


def _sync(stand: Stand, callers: int, seconds: float) -> Iterator[Scenario]:
    def named(name: str, baseline: str | None = None) -> Scenario:
        target = stand.targets[name]
        pids = stand.pids if name in SYNC else {}
        suffix = f", {callers} callers"
        return Scenario(name + suffix, lambda: _http(target, callers, seconds, pids), baseline and baseline + suffix)

    yield named(WEB)
    yield named(BARE)
    yield named(TASK_QUEUE, BARE)
    for name in SYNC if callers <= FEW else ("sync no-op", "sync, one function"):
        yield named(name, BARE if name == "sync no-op" else "sync no-op")


def _http(target: Target, callers: int, seconds: float, pids: dict[str, int]) -> Row:
    meter = CpuMeter(pids)
    found = http_load.measure(target, callers=callers, seconds=seconds)
    row = {"per_second": found.per_second, "p50_ms": found.p50_ms, "p99_ms": found.p99_ms}
    return row | meter.microseconds_per(max(1, found.requests))


def _streams(stand: Stand, streams: int) -> Iterator[Scenario]:
    def named(name: str, title: str, baseline: str | None = None) -> Scenario:
        def run() -> Row:
            found = asyncio.run(stream_load.measure(stand.targets[name], callers=streams, tokens=workflows.TOKENS))
            return found.row()

        return Scenario(f"{title}, {streams} streams", run, baseline and f"{baseline}, {streams} streams")

    yield named("echo", "200 tokens")
    for model, title in (("words", "200 tokens of a model"), ("words-10", "200 tokens, 10 ms apart")):
        direct = f"{title}, {MODEL} directly"
        yield named(f"{MODEL}, vllm/{model}", direct)
        yield named(f"vllm/{model}", title, direct)


def _jobs(stand: Stand, options: Options, executors: int) -> Row:
    stand.stack.scale(ServiceName.EXECUTOR, executors)
    try:
        meter = CpuMeter(stand.pids)
        found = asyncio.run(job_load.measure(stand.no_op, jobs=options.jobs, callers=32))
        return found.row() | meter.microseconds_per(options.jobs)
    finally:
        stand.stack.scale(ServiceName.EXECUTOR, 1)


def _memory(stand: Stand) -> Row:
    return {f"{name}_mib": resident_mib(pid) for name, pid in stand.pids.items()}
