"""Latency of callers while recorded runs are replayed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final

import httpx2

from benchmarks import workflows
from benchmarks.load import http_load
from benchmarks.load.http_load import Target
from benchmarks.scenarios.recordings import publish_recorded, wait_until
from benchmarks.scenarios.scenario import Group, Row, Scenario
from benchmarks.testbed import Testbed

CALLERS: Final = 8
RUNS: Final = 200


@dataclass(frozen=True)
class Load:
    """Callers that make 10,000 calls in a measurement: a p99 requires many.

    Each pauses for up to `pause_ms` before a call. `lasts` is the duration in multiples of that of other scenarios.
    """

    name: str
    pause_ms: int
    lasts: int


LOADS: Final = (
    Load("sync no-op, 8 callers that pause", pause_ms=10, lasts=8),
    Load("sync no-op, 8 callers that pause longer", pause_ms=30, lasts=15),
)
"""Keep two cores about 80 % and 50 % busy: with less load calls wait for nothing, with more mainly for each other."""


def groups(testbed: Testbed, seconds: float) -> list[Group]:
    """Return the same calls without and with replays, for each load."""
    recorded = cache(lambda: _record(testbed))
    return [_group(load, testbed, seconds * load.lasts, recorded) for load in LOADS]


def _group(load: Load, testbed: Testbed, seconds: float, recorded: Callable[[], Target]) -> Group:
    alone = Scenario(load.name, lambda: _measure(load, testbed.no_op, seconds))
    measure = partial(_measure_beside, load=load, target=testbed.no_op, seconds=seconds)
    return Group((alone, Scenario(f"{load.name}, beside replays", lambda: measure(recorded()), load.name)))


def _measure(load: Load, target: Target, seconds: float) -> Row:
    calls, row = http_load.measure(target, callers=CALLERS, seconds=seconds, pause_ms=load.pause_ms)
    return row | {"calls": calls}


def _measure_beside(recorded: Target, load: Load, target: Target, seconds: float) -> Row:
    with _replay(recorded) as replay:
        row = _measure(load, target, seconds)
        return row | {"replays_per_second": replay()["done"] / seconds}


def _record(testbed: Testbed) -> Target:
    """Record runs of ten blocks; return the target of their workflow."""
    target = publish_recorded(testbed, workflows.ten_blocks())
    for _ in range(RUNS):
        httpx2.post(target.url, content=target.body, headers=target.headers).raise_for_status()
    wait_until(lambda: len(_call(target, "GET", f"/recordings?limit={RUNS}")) == RUNS, "all runs are recorded")
    return target


@contextmanager
def _replay(target: Target) -> Iterator[Callable[[], Any]]:
    """Replay all recorded runs inside the block, and stop afterwards. Yield a function that returns the replay."""
    replay = f"/replays/{_call(target, 'POST', '/replays', {'last': RUNS, 'suggestIgnore': False})['id']}"
    try:
        yield lambda: _call(target, "GET", replay)
    finally:
        _call(target, "POST", f"{replay}/cancel", {})
        wait_until(lambda: _call(target, "GET", replay)["finishedAt"] is not None, "the replay is canceled")


def _call(target: Target, method: str, path: str, body: Any = None) -> Any:
    url = target.url.removesuffix("/execute").replace("/api/", "/api/v2/", 1) + path
    return httpx2.request(method, url, json=body, headers=target.headers, timeout=30).raise_for_status().json()["data"]
