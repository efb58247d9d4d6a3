"""Queued jobs at 1, 2 and 4 executors, beside a task queue that is asked for its results in the same way.

And how fast they are accepted when the store has nothing else to do: a burst while every worker stands still.
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
from benchmarks.stand import JOBS_OF_TASK_QUEUE, Stand
from shared.service import ServiceName

CALLERS: Final = 32
EXECUTORS: Final = (1, 2, 4)
ALONE: Final = "async, accepted while no worker works"


def groups(stand: Stand, options: Options) -> Iterator[Group]:
    """A group for each number of executors."""
    tasks = partial(_load, stand.targets[JOBS_OF_TASK_QUEUE], options.jobs)
    jobs = partial(_load, stand.no_op, options.jobs)
    for executors in EXECUTORS:
        baseline = f"{JOBS_OF_TASK_QUEUE}, beside {executors}"
        ours = f"async, {executors} executors"
        yield Group(
            (Scenario(baseline, lambda: tasks({})), Scenario(ours, lambda: jobs(stand.pids), baseline)),
            around=partial(stand.scaled, ServiceName.EXECUTOR, executors),
        )
    yield Group((Scenario(ALONE, lambda: _accept(stand, options.jobs)),))


def _load(target: Target, jobs: int, pids: Pids) -> Row:
    meter = CpuMeter(pids)
    found = uvloop.run(job_load.measure(target, jobs=jobs, callers=CALLERS))
    return found.row() | meter.microseconds_per(jobs)


def _accept(stand: Stand, jobs: int) -> Row:
    meter = CpuMeter(stand.pids)
    go_on = partial(stand.stack.kill, ServiceName.EXECUTOR, SIGCONT)
    stand.stack.kill(ServiceName.EXECUTOR, SIGSTOP)
    try:
        load = job_load.measure_accepting(stand.no_op, jobs=jobs, callers=CALLERS, let_work=go_on)
        return {"accepted_per_second": uvloop.run(load)} | meter.microseconds_per(jobs)
    finally:
        go_on()
