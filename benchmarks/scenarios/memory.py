"""Resident memory: of each process before its first run, and of idle streams in a gateway at capacity."""

import asyncio
import statistics
import time
from functools import partial
from typing import Final

import uvloop

from benchmarks.load.http_callers import Callers
from benchmarks.load.http_load import BenchmarkFailed, Target
from benchmarks.processes import resident_mib
from benchmarks.scenarios.scenario import Group, Row, Scenario
from benchmarks.testbed import SILENT_MODEL, Testbed
from shared.service import ServiceName

STREAMS: Final = 1_000
REFUSALS: Final = 500
SERVICES: Final = (ServiceName.GATEWAY, ServiceName.EXECUTOR)
GATES: Final = ("ADMISSION_GATE_MAX_INFLIGHT", "FLOWPORT_WORKSPACE_MAX_INFLIGHT", "FLOWPORT_STREAMS_PER_CALLER")
CAPACITY: Final = {
    ServiceName.EXECUTOR: {"FLOWPORT_EXECUTOR_CONCURRENCY": str(STREAMS)},
    ServiceName.GATEWAY: dict.fromkeys(GATES, str(STREAMS)),
}
"""Capacity for exactly this number of concurrent calls."""


def idle(testbed: Testbed) -> Group:
    """Return the scenario before the first run."""
    return Group((Scenario("resident memory, idle", lambda: _resident(testbed)),), once=True)


def at_capacity(testbed: Testbed) -> Group:
    """Return the scenario of idle streams and refused calls.

    It runs once: the process keeps freed memory, which a second round would not measure.
    """
    name = f"{STREAMS:,} idle streams, and refusals beyond"
    scenario = Scenario(name, lambda: uvloop.run(_fill_gateway(testbed)))
    return Group((scenario,), around=partial(testbed.configure, CAPACITY), once=True)


async def _fill_gateway(testbed: Testbed) -> Row:
    async with Callers(STREAMS + 1) as http:
        await _call(http, testbed.no_op, 200)
        before = _resident(testbed)
        streams = await asyncio.gather(*(http.begin(testbed.targets[SILENT_MODEL]) for _ in range(STREAMS)))
        after = _resident(testbed)
        refusals = [await _call(http, testbed.no_op, 429) for _ in range(REFUSALS)]
        for disconnect in streams:
            disconnect()
    cuts = statistics.quantiles(refusals, n=100)
    row = {"refusal_p50_ms": cuts[49], "refusal_p99_ms": cuts[98]}
    for name in SERVICES:
        row[f"{name}_kib_per_stream"] = (after[f"{name}_mib"] - before[f"{name}_mib"]) * 1024 / STREAMS
    return row


async def _call(http: Callers, target: Target, status: int) -> float:
    """Make a call that gets this status, and return its duration in ms."""
    began = time.perf_counter()
    answer = await http.call(target)
    if answer.status != status:
        raise BenchmarkFailed(f"status {answer.status}, expected {status}: {answer.body[:300].decode()}")
    return (time.perf_counter() - began) * 1000


def _resident(testbed: Testbed) -> Row:
    return {f"{name}_mib": resident_mib(pid) for name, pid in testbed.pids.items()}
