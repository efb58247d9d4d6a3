"""Sync runs, and the baselines: bare broker path and web framework."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from benchmarks.load import http_load
from benchmarks.load.http_load import Target
from benchmarks.processes import CpuMeter, Pids
from benchmarks.scenarios.scenario import Group, Options, Row, Scenario
from benchmarks.testbed import BARE, SYNC, WEB, Testbed

NO_OP: Final = "sync no-op"
HEAVY: Final = ("sync, four functions at once", "sync, loop of 1,000")
"""Heavy workflows get more time and fewer callers, which would only queue."""
MORE_TIME, MAX_HEAVY_CALLERS = 3, 64


def groups(testbed: Testbed, options: Options) -> Iterator[Group]:
    """Return a group for each number of callers."""
    for callers in options.callers:
        yield Group(tuple(_scenarios(testbed, callers, options.seconds)))


def _scenarios(testbed: Testbed, callers: int, seconds: float) -> Iterator[Scenario]:
    def named(name: str, baseline: str | None = None) -> Scenario:
        suffix = f", {callers} callers"
        took = seconds * MORE_TIME if name in HEAVY else seconds
        run = partial(_load, testbed.targets[name], callers, took, testbed.pids if name in SYNC else {})
        return Scenario(name + suffix, run, baseline and baseline + suffix)

    yield named(WEB)
    yield named(BARE)
    for name in SYNC:
        if callers <= MAX_HEAVY_CALLERS or name not in HEAVY:
            yield named(name, BARE if name == NO_OP else NO_OP)


def _load(target: Target, callers: int, seconds: float, pids: Pids) -> Row:
    meter = CpuMeter(pids)
    found = http_load.measure(target, callers=callers, seconds=seconds)
    row = {"per_second": found.per_second, "p50_ms": found.p50_ms, "p99_ms": found.p99_ms}
    return row | meter.microseconds_per(found.requests)
