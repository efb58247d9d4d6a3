"""Deployment: time until a new version is live, and its first run."""

import time
from collections.abc import Iterator

import httpx2

from benchmarks.load.http_load import BenchmarkFailed
from benchmarks.scenarios.scenario import Group, Options, Row, Scenario
from benchmarks.testbed import Testbed
from flowport.local.installation import deploy_workflow, open_client


def groups(testbed: Testbed, options: Options) -> Iterator[Group]:
    """Return the scenario, which deploys once per round."""
    yield Group((Scenario("promote to first run", lambda: first_run_of_new_version(testbed)),))


def first_run_of_new_version(testbed: Testbed) -> Row:
    """Deploy a new version, and measure its activation and first run."""
    target = testbed.no_op
    began = time.perf_counter()
    with open_client(testbed.credentials) as client:
        deploy_workflow(client, target.url.split("/")[-2])
    live = time.perf_counter()
    answer = httpx2.post(target.url, content=target.body, headers=target.headers, timeout=30, trust_env=False)
    ran = time.perf_counter()
    if answer.status_code != 200:
        raise BenchmarkFailed(f"run of the new version failed: {answer.status_code} {answer.text}")
    return {"live_ms": (live - began) * 1000, "first_run_ms": (ran - live) * 1000}
