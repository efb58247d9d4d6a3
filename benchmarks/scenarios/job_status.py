"""Rate of status requests, as callers without webhooks make them."""

from collections.abc import Iterator
from functools import partial

import uvloop

from benchmarks.load import job_load
from benchmarks.processes import CpuMeter
from benchmarks.scenarios.scenario import Group, Options, Row, Scenario
from benchmarks.testbed import Testbed


def groups(testbed: Testbed, options: Options) -> Iterator[Group]:
    """Return a scenario for each number of callers."""
    for callers in options.callers:
        poll = partial(_poll, testbed, callers, options.seconds)
        yield Group((Scenario(f"status of a job, {callers} callers", poll),))


def _poll(testbed: Testbed, callers: int, seconds: float) -> Row:
    urls = uvloop.run(job_load.run_to_completion(testbed.no_op, jobs=callers))
    meter = CpuMeter(testbed.pids)
    found = uvloop.run(job_load.poll_status(testbed.no_op, urls, seconds=seconds))
    return found.row() | meter.microseconds_per(found.answers)
