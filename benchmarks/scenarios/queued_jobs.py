"""Queued jobs with 1, 2 and 4 executors, and the acceptance rate while all workers are stopped."""

from collections.abc import Iterator
from functools import partial
from signal import SIGCONT, SIGSTOP
from typing import Final

import uvloop

from benchmarks.load import job_load
from benchmarks.processes import CpuMeter
from benchmarks.scenarios.scenario import Group, Options, Row, Scenario
from benchmarks.testbed import Testbed
from shared.service import ServiceName

CALLERS: Final = 32
EXECUTORS: Final = (1, 2, 4)
ALONE: Final = "async, accepted while no worker works"


def groups(testbed: Testbed, options: Options) -> Iterator[Group]:
    """Return a group for each number of executors."""
    for executors in EXECUTORS:
        scenario = Scenario(f"async, {executors} executors", partial(_load, testbed, options.jobs))
        yield Group((scenario,), around=partial(testbed.scale, ServiceName.EXECUTOR, executors))
    yield Group((Scenario(ALONE, lambda: _accept(testbed, options.jobs)),))


def _load(testbed: Testbed, jobs: int) -> Row:
    meter = CpuMeter(testbed.pids)
    return uvloop.run(job_load.measure(testbed.no_op, jobs=jobs, callers=CALLERS)) | meter.microseconds_per(jobs)


def _accept(testbed: Testbed, jobs: int) -> Row:
    meter = CpuMeter(testbed.pids)
    resume = partial(testbed.stack.kill, ServiceName.EXECUTOR, SIGCONT)
    testbed.stack.kill(ServiceName.EXECUTOR, SIGSTOP)
    try:
        load = job_load.measure_accepting(testbed.no_op, jobs=jobs, callers=CALLERS, resume_workers=resume)
        return {"accepted_per_second": uvloop.run(load)} | meter.microseconds_per(jobs)
    finally:
        resume()
