"""Queued jobs with 1, 2 and 4 executors, and a task queue with the same polling.

And the acceptance rate while all workers are stopped.
"""

from collections.abc import Iterator
from functools import partial
from signal import SIGCONT, SIGSTOP
from typing import Final

import uvloop

from benchmarks.load import job_load
from benchmarks.load.http_load import Target
from benchmarks.processes import CpuMeter, Pids
from benchmarks.scenarios.scenario import Group, Options, Row, Scenario
from benchmarks.testbed import JOBS_OF_TASK_QUEUE, Testbed
from shared.service import ServiceName

CALLERS: Final = 32
EXECUTORS: Final = (1, 2, 4)
ALONE: Final = "async, accepted while no worker works"


def groups(testbed: Testbed, options: Options) -> Iterator[Group]:
    """Return a group for each number of executors."""
    tasks = partial(_load, testbed.targets[JOBS_OF_TASK_QUEUE], options.jobs)
    jobs = partial(_load, testbed.no_op, options.jobs)
    for executors in EXECUTORS:
        baseline = f"{JOBS_OF_TASK_QUEUE}, beside {executors}"
        ours = f"async, {executors} executors"
        yield Group(
            (Scenario(baseline, lambda: tasks({})), Scenario(ours, lambda: jobs(testbed.pids), baseline)),
            around=partial(testbed.scale, ServiceName.EXECUTOR, executors),
        )
    yield Group((Scenario(ALONE, lambda: _accept(testbed, options.jobs)),))


def _load(target: Target, jobs: int, pids: Pids) -> Row:
    meter = CpuMeter(pids)
    found = uvloop.run(job_load.measure(target, jobs=jobs, callers=CALLERS))
    return found.row() | meter.microseconds_per(jobs)


def _accept(testbed: Testbed, jobs: int) -> Row:
    meter = CpuMeter(testbed.pids)
    resume = partial(testbed.stack.kill, ServiceName.EXECUTOR, SIGCONT)
    testbed.stack.kill(ServiceName.EXECUTOR, SIGSTOP)
    try:
        load = job_load.measure_accepting(testbed.no_op, jobs=jobs, callers=CALLERS, resume_workers=resume)
        return {"accepted_per_second": uvloop.run(load)} | meter.microseconds_per(jobs)
    finally:
        resume()
