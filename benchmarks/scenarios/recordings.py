"""Cost of recording every run: the same workflow without and with recording, alternately."""

import time
from collections.abc import Iterator
from functools import cache
from typing import Final

import httpx2

from benchmarks import workflows
from benchmarks.load import http_load
from benchmarks.load.http_load import BenchmarkFailed, Target
from benchmarks.processes import CpuMeter
from benchmarks.scenarios.scenario import Group, Options, Row, Scenario
from benchmarks.testbed import SYNC, Testbed
from shared.service import ServiceName

CALLERS: Final = 32
RECORDED: Final = ("sync no-op", "sync, ten blocks")
EVERY_RUN: Final = {"recording": {"sample": 1, "days": 1}}
ORDER: Final = (False, True, True, False)
"""Whether runs are recorded, in each part of a round: a steady change of the machine's speed affects both equally."""
DRAIN_SECONDS: Final = 30.0
SETTLE_SECONDS: Final = 0.5
METRIC: Final = "flowport_executor_recordings_total"


def name_of(workflow: str) -> str:
    """Return the name of a scenario."""
    return f"recorded {workflow}, {CALLERS} callers"


def groups(testbed: Testbed, options: Options) -> Iterator[Group]:
    """Return one group: a scenario for each workflow."""
    yield Group(tuple(_scenario(testbed, workflow, options.seconds) for workflow in RECORDED))


def _scenario(testbed: Testbed, workflow: str, seconds: float) -> Scenario:
    recorded = cache(lambda: _publish_recorded(testbed, SYNC[workflow]()))
    return Scenario(name_of(workflow), lambda: _measure(testbed, testbed.targets[workflow], recorded(), seconds))


def _publish_recorded(testbed: Testbed, document: workflows.Document) -> Target:
    target = testbed.publish(document)
    access = target.url.removesuffix("/execute") + "/deploy"
    httpx2.patch(access, json=EVERY_RUN, headers=target.headers).raise_for_status()
    return target


def _measure(testbed: Testbed, bare: Target, recorded: Target, seconds: float) -> Row:
    """Return the ratio of throughput with recording to that without, and the CPU time that it adds to a run."""
    rates: dict[bool, float] = {False: 0.0, True: 0.0}
    runs: dict[bool, int] = {False: 0, True: 0}
    used: dict[bool, dict[str, float]] = {False: {}, True: {}}
    before = _recordings(testbed)
    for is_recorded in ORDER:
        meter = CpuMeter(testbed.pids)
        found = http_load.measure(recorded if is_recorded else bare, callers=CALLERS, seconds=seconds)
        rates[is_recorded] += found.per_second
        runs[is_recorded] += found.requests
        _drain(testbed, before, runs[True])
        for name, spent in meter.microseconds_per(1).items():
            used[is_recorded][name] = used[is_recorded].get(name, 0.0) + spent
    cost = {kind: {name: spent / runs[kind] for name, spent in used[kind].items()} for kind in used}
    total = {kind: sum(cost[kind].values()) for kind in cost}
    after = _recordings(testbed)
    return {
        "ratio": rates[True] / rates[False],
        "cpu_ratio": total[True] / total[False],
        "added_cpu_us": total[True] - total[False],
        "per_second": rates[True] / 2,
        "dropped_percent": 100 * (after["dropped"] - before["dropped"]) / runs[True],
        **{f"added_{name}": cost[True][name] - cost[False][name] for name in cost[True]},
    }


def _drain(testbed: Testbed, before: dict[str, float], runs: int) -> None:
    """Wait until all recordings are stored or dropped: their cost belongs to this part."""
    deadline = time.monotonic() + DRAIN_SECONDS
    time.sleep(SETTLE_SECONDS)
    while sum(_recordings(testbed).values()) - sum(before.values()) < runs:
        if time.monotonic() > deadline:
            raise BenchmarkFailed(f"recordings were not sent within {DRAIN_SECONDS} s")
        time.sleep(SETTLE_SECONDS)


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
