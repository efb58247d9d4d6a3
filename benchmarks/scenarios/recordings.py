"""Cost of recording every run: the same workflow without and with recording, alternately."""

import time
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Final

import httpx2

from benchmarks import workflows
from benchmarks.load import http_load
from benchmarks.load.http_load import BenchmarkFailed, Target
from benchmarks.processes import CpuMeter
from benchmarks.scenarios.scenario import Group, Row, Scenario
from benchmarks.testbed import SYNC, Testbed
from shared.service import ServiceName

CALLERS: Final = 32
RECORDED: Final = ("sync no-op", "sync, ten blocks")
EVERY_RUN: Final = {"recording": {"sample": 1, "days": 1}}
ORDER: Final = (False, True, True, False)
"""Whether runs are recorded, in each part of a round: a steady change of the machine's speed affects both equally."""
WAIT_SECONDS: Final = 30.0
SETTLE_SECONDS: Final = 2.0
"""Wait after the calls of each part, until what follows a run is done: it would count in the next part."""
POLL_SECONDS: Final = 0.5
METRIC: Final = "flowport_executor_recordings_total"


def group(testbed: Testbed, seconds: float) -> Group:
    """Return a scenario for each workflow."""
    return Group(tuple(_scenario(testbed, workflow, seconds) for workflow in RECORDED))


def _scenario(testbed: Testbed, workflow: str, seconds: float) -> Scenario:
    recorded = cache(lambda: publish_recorded(testbed, SYNC[workflow]()))
    name = f"recorded {workflow}, {CALLERS} callers"
    return Scenario(name, lambda: _measure(testbed, testbed.targets[workflow], recorded(), seconds))


def publish_recorded(testbed: Testbed, document: workflows.Document) -> Target:
    """Deploy a workflow whose runs are all recorded, and return its target."""
    target = testbed.publish(document)
    access = target.url.removesuffix("/execute") + "/deploy"
    httpx2.patch(access, json=EVERY_RUN, headers=target.headers).raise_for_status()
    return target


def _measure(testbed: Testbed, bare: Target, recorded: Target, seconds: float) -> Row:
    """Return the ratio of throughput with recording to that without, and the CPU time that it adds to a run."""
    rates, runs = dict.fromkeys(ORDER, 0.0), dict.fromkeys(ORDER, 0)
    used: dict[bool, Counter[str]] = {False: Counter(), True: Counter()}
    before = _recordings(testbed)
    for is_recorded in ORDER:
        meter = CpuMeter(testbed.pids)
        requests, row = http_load.measure(recorded if is_recorded else bare, callers=CALLERS, seconds=seconds)
        rates[is_recorded] += row["per_second"]
        runs[is_recorded] += requests
        _drain(testbed, before, runs[True])
        used[is_recorded].update(meter.microseconds_per(1))
    cost = {kind: {name: spent / runs[kind] for name, spent in used[kind].items()} for kind in used}
    total = {kind: sum(cost[kind].values()) for kind in cost}
    return {
        "ratio": rates[True] / rates[False],
        "cpu_ratio": total[True] / total[False],
        "added_cpu_us": total[True] - total[False],
        "per_second": rates[True] / 2,
        "dropped_percent": 100 * (_recordings(testbed)["dropped"] - before["dropped"]) / runs[True],
        **{f"added_{name}": cost[True][name] - cost[False][name] for name in cost[True]},
    }


def _drain(testbed: Testbed, before: dict[str, float], runs: int) -> None:
    """Wait until all recordings are stored or dropped: their cost belongs to this part."""
    time.sleep(SETTLE_SECONDS)
    wait_until(lambda: sum(_recordings(testbed).values()) - sum(before.values()) >= runs, "the recordings are sent")


def wait_until(is_true: Callable[[], bool], what: str) -> None:
    """Wait for a condition. Raises BenchmarkFailed, with `what` was awaited, if it takes too long."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_true():
        if time.monotonic() > deadline:
            raise BenchmarkFailed(f"waited more than {WAIT_SECONDS:.0f} s until {what}")
        time.sleep(POLL_SECONDS)


def _recordings(testbed: Testbed) -> dict[str, float]:
    """Return the recordings of all executors, by result."""
    found = {"stored": 0.0, "dropped": 0.0}
    executors = [each for each in testbed.stack.names if each.startswith(ServiceName.EXECUTOR)]
    for executor in executors:
        lines = httpx2.get(f"{testbed.stack.url_of(executor)}/metrics").text.splitlines()
        for result in found:
            prefix = f'{METRIC}{{result="{result}"}} '
            found[result] += sum(float(line.removeprefix(prefix)) for line in lines if line.startswith(prefix))
    return found
