"""How often callers may ask what became of their jobs: all that somebody does who waits for one without a webhook."""

from collections.abc import Iterator
from functools import partial

import uvloop

from benchmarks.load import job_load
from benchmarks.processes import CpuMeter
from benchmarks.scenarios.scenario import Group, Options, Row, Scenario
from benchmarks.stand import Stand


def groups(stand: Stand, options: Options) -> Iterator[Group]:
    """One scenario for each number of callers."""
    for callers in options.callers:
        ask = partial(_ask, stand, callers, options.seconds)
        yield Group((Scenario(f"status of a job, {callers} callers", ask),))


def _ask(stand: Stand, callers: int, seconds: float) -> Row:
    urls = uvloop.run(job_load.ended(stand.no_op, jobs=callers))
    meter = CpuMeter(stand.pids)
    found = uvloop.run(job_load.ask(stand.no_op, urls, seconds=seconds))
    return found.row() | meter.microseconds_per(found.answers)
