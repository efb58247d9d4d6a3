"""Sync, streamed and queued runs, beside a bare broker path and a model server that is called directly."""

from collections.abc import Callable, Iterator
from functools import partial
from signal import SIGCONT, SIGSTOP
from typing import Final

import uvloop

from benchmarks import workflows
from benchmarks.load import http_load, job_load, stream_load
from benchmarks.processes import CpuMeter
from benchmarks.scenarios.scenario import Group, Row, Scenario
from benchmarks.testbed import BARE, MODEL, SYNC, Testbed
from shared.service import ServiceName

NO_OP: Final = "sync no-op"
CONCURRENCY: Final = (1, 32, 128)
HEAVY: Final = ("sync, four functions at once", "sync, loop of 1,000")
"""Heavy workflows get more time and fewer callers, which would only queue."""
MORE_TIME, MAX_HEAVY_CALLERS = 3, 64

STREAMS_PER_ROUND: Final = 128
"""Streams per round, read sequentially beyond the concurrency."""
FAST, PACED = "200 tokens of a model", "200 tokens, 10 ms apart"
TITLES: Final = {
    "echo": "200 tokens",
    f"{MODEL}, vllm/words": f"{FAST}, {MODEL} directly",
    "vllm/words": FAST,
    f"{MODEL}, vllm/words-10": f"{PACED}, {MODEL} directly",
    "vllm/words-10": PACED,
}

JOBS: Final = 500
JOB_CALLERS: Final = 32
EXECUTORS: Final = (1, 2, 4)


def sync_runs(testbed: Testbed, seconds: float) -> Iterator[Group]:
    """Yield a group for each number of callers."""
    for callers in CONCURRENCY:
        yield Group(tuple(_sync_scenarios(testbed, callers, seconds)))


def streams(testbed: Testbed) -> Iterator[Group]:
    """Yield a group for each number of streams."""
    for count in CONCURRENCY:
        yield Group(tuple(_stream_scenarios(testbed, count)))


def queued_runs(testbed: Testbed) -> Iterator[Group]:
    """Yield a group for each number of executors, and one for acceptance while all workers are stopped."""
    for executors in EXECUTORS:
        scenario = Scenario(f"async, {executors} executors", partial(_run_jobs, testbed))
        yield Group((scenario,), around=partial(testbed.scale, ServiceName.EXECUTOR, executors))
    yield Group((Scenario("async, accepted while no worker works", partial(_accept_jobs, testbed)),))


def _sync_scenarios(testbed: Testbed, callers: int, seconds: float) -> Iterator[Scenario]:
    def load(name: str) -> Row:
        meter = CpuMeter(testbed.pids if name in SYNC else {})
        took = seconds * MORE_TIME if name in HEAVY else seconds
        requests, row = http_load.measure(testbed.targets[name], callers=callers, seconds=took)
        return row | meter.microseconds_per(requests)

    baselines = {BARE: None, **dict.fromkeys(SYNC, NO_OP), NO_OP: BARE}
    for name, baseline in baselines.items():
        if callers <= MAX_HEAVY_CALLERS or name not in HEAVY:
            suffix = f", {callers} callers"
            yield Scenario(name + suffix, partial(load, name), baseline and baseline + suffix)


def _stream_scenarios(testbed: Testbed, count: int) -> Iterator[Scenario]:
    for target, title in TITLES.items():
        suffix = f", {count} streams"
        baseline = f"{title}, {MODEL} directly{suffix}" if target.startswith("vllm") else None
        yield Scenario(title + suffix, partial(_read_streams, testbed, target, count), baseline)


def _read_streams(testbed: Testbed, target: str, count: int) -> Row:
    times = 1 if target.endswith("words-10") else max(1, STREAMS_PER_ROUND // count)
    meter = CpuMeter({} if target.startswith(MODEL) else testbed.pids)
    load = stream_load.measure(testbed.targets[target], callers=count, tokens=workflows.TOKENS, times=times)
    return uvloop.run(load) | meter.microseconds_per(count * times)


def _run_jobs(testbed: Testbed, resume_workers: Callable[[], None] = lambda: None) -> Row:
    meter = CpuMeter(testbed.pids)
    load = job_load.measure(testbed.no_op, jobs=JOBS, callers=JOB_CALLERS, resume_workers=resume_workers)
    return uvloop.run(load) | meter.microseconds_per(JOBS)


def _accept_jobs(testbed: Testbed) -> Row:
    resume = partial(testbed.stack.kill, ServiceName.EXECUTOR, SIGCONT)
    testbed.stack.kill(ServiceName.EXECUTOR, SIGSTOP)
    try:
        return {"accepted_per_second": _run_jobs(testbed, resume)["accepted_per_second"]}
    finally:
        resume()
