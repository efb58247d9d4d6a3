"""A new version: until it is live everywhere, and the first run on it."""

import time
from collections.abc import Iterator

import httpx2

from benchmarks.load.http_load import BenchmarkFailed
from benchmarks.scenarios.scenario import Group, Options, Row, Scenario
from benchmarks.stand import Stand
from flowport.first_use import deploy, door_of


def groups(stand: Stand, options: Options) -> Iterator[Group]:
    """One publication a round."""
    yield Group((Scenario("promote to first run", lambda: first_run_of_new_version(stand)),))


def first_run_of_new_version(stand: Stand) -> Row:
    target = stand.no_op
    began = time.perf_counter()
    with door_of(stand.credentials) as door:
        deploy(door, target.url.split("/")[-2])
    live = time.perf_counter()
    answer = httpx2.post(target.url, content=target.body, headers=target.headers, timeout=30, trust_env=False)
    ran = time.perf_counter()
    if answer.status_code != 200:
        raise BenchmarkFailed(f"the new version did not run: {answer.status_code} {answer.text}")
    return {"live_ms": (live - began) * 1000, "first_run_ms": (ran - live) * 1000}
