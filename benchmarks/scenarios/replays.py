"""Latency of callers while recorded runs are replayed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

import httpx2

from benchmarks import workflows
from benchmarks.load import http_load
from benchmarks.load.http_load import Target
from benchmarks.scenarios.recordings import publish_recorded, wait_until
from benchmarks.scenarios.scenario import Group, Row, Scenario
from benchmarks.testbed import Testbed

ALONE: Final = "sync no-op, 8 callers that pause"
BESIDE: Final = "sync no-op, 8 callers that pause, beside replays"
CALLERS: Final = 8
PAUSE_MS: Final = 10
"""Keeps two cores about 80 % busy: with less load calls wait for nothing, with more mainly for each other."""
RUNS: Final = 200
MORE_TIME: Final = 8
"""A p99 requires more calls."""


def group(testbed: Testbed, seconds: float) -> Group:
    """Return the same calls without and with replays."""
    took = seconds * MORE_TIME
    recorded = cache(lambda: _record(testbed))
    alone = Scenario(ALONE, lambda: _measure(testbed.no_op, took))
    beside = Scenario(BESIDE, lambda: _measure_beside(recorded(), testbed.no_op, took), ALONE)
    return Group((alone, beside))


def _measure(target: Target, seconds: float) -> Row:
    calls, row = http_load.measure(target, callers=CALLERS, seconds=seconds, pause_ms=PAUSE_MS)
    return row | {"calls": calls}


def _measure_beside(recorded: Target, target: Target, seconds: float) -> Row:
    with _replay(recorded) as replay:
        row = _measure(target, seconds)
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
