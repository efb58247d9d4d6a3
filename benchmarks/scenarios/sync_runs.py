"""Runs whose callers wait for the result, beside the bare path, the web framework alone and a task queue."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from benchmarks.load import http_load
from benchmarks.load.http_load import Target
from benchmarks.processes import CpuMeter, Pids
from benchmarks.scenarios.scenario import Group, Options, Row, Scenario
from benchmarks.stand import BARE, SYNC, TASK_QUEUE, WEB, Stand

NO_OP: Final = "sync no-op"
HEAVY: Final = ("sync, four functions at once", "sync, loop of 1,000")
"""They get more time, and no more than a few callers: more would only measure their own queue."""
MORE_TIME, FEW = 3, 64


def groups(stand: Stand, options: Options) -> Iterator[Group]:
    """A group for each number of callers."""
    for callers in options.callers:
        yield Group(tuple(_scenarios(stand, callers, options.seconds)))


def _scenarios(stand: Stand, callers: int, seconds: float) -> Iterator[Scenario]:
    def named(name: str, baseline: str | None = None) -> Scenario:
        suffix = f", {callers} callers"
        took = seconds * MORE_TIME if name in HEAVY else seconds
        run = partial(_load, stand.targets[name], callers, took, stand.pids if name in SYNC else {})
        return Scenario(name + suffix, run, baseline and baseline + suffix)

    yield named(WEB)
    yield named(TASK_QUEUE)
    yield named(BARE)
    for name in SYNC:
        if callers <= FEW or name not in HEAVY:
            yield named(name, BARE if name == NO_OP else NO_OP)


def _load(target: Target, callers: int, seconds: float, pids: Pids) -> Row:
    meter = CpuMeter(pids)
    found = http_load.measure(target, callers=callers, seconds=seconds)
    row = {"per_second": found.per_second, "p50_ms": found.p50_ms, "p99_ms": found.p99_ms}
    return row | meter.microseconds_per(found.requests)
