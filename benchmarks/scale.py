"""`python -m benchmarks.scale`: cost of a run as data grows, and throughput with more processes.

Measures CPU time of all processes per run, including store and broker, so other load matters little. A flat curve means
constant cost. Each point is the median of several rounds. Writes benchmarks/results/scale.json.
"""

import argparse
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Final

import msgspec
import uvloop
from rich.console import Console
from rich.table import Column, Table

from benchmarks import workflows
from benchmarks.command_line import console, temporary_folder
from benchmarks.load import http_load, job_load
from benchmarks.load.http_callers import Callers
from benchmarks.load.http_load import BenchmarkFailed, Target
from benchmarks.machine import Machine
from benchmarks.processes import CpuMeter
from benchmarks.results import FOLDER
from benchmarks.scenarios.scenario import Row
from benchmarks.store_filler import add_runs
from benchmarks.testbed import Testbed, run_testbed
from shared.service import ServiceName

RESULTS: Final = FOLDER / "scale.json"
CALLERS: Final = 32
FEW: Final = 4
"""Concurrency for large workflows."""
PAGES: Final = 10
PROCESSES: Final = ((1, 1), (1, 2), (1, 4), (2, 1), (2, 2), (2, 4))
"""Numbers of gateways and executors."""


class Curve(msgspec.Struct, frozen=True):
    """Figures by size. `failed` is the error that ended the curve."""

    machine: Machine
    along: str
    points: dict[str, dict[str, float]]
    failed: str = ""


Options = argparse.Namespace
Points = Iterator[tuple[str, Row]]


def main() -> None:
    """Measure the selected curves and report. Others keep their results."""
    options = _parse_arguments()
    screen = console()
    curves = read_curves()
    with temporary_folder() as folder, run_testbed(folder) as testbed:
        for name in CURVES:
            if any(part in name for part in options.only):
                curves[name] = _measure_curve(name, testbed, options, screen)
                RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(curves), indent=1) + b"\n")
                screen.print(_table(name, curves[name]))
    screen.print(f"Written to {FOLDER}")


def read_curves() -> dict[str, Curve]:
    """Return the stored curves."""
    return msgspec.json.decode(RESULTS.read_bytes(), type=dict[str, Curve]) if RESULTS.exists() else {}


def _measure_curve(name: str, testbed: Testbed, options: Options, screen: Console) -> Curve:
    along, measure = CURVES[name]
    points: dict[str, Row] = {}
    failed = ""
    try:
        for size, row in measure(testbed, options):
            points[size] = {figure: round(value, 2) for figure, value in row.items()}
            screen.print(f"{name}, {size}: {points[size]}")
    except Exception as error:
        failed = f"{type(error).__name__}: {error}"
        screen.print(f"{name} FAILED {failed}")
    return Curve(Machine.now(), along, points, failed)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[""], help=f"parts of: {', '.join(CURVES)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3, help="duration of the sync load for each point")
    parser.add_argument("--jobs", type=int, default=200, help="queued runs for each point")
    parser.add_argument("--stored-runs", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--queued", type=int, nargs="+", default=[100, 1_000, 5_000])
    return parser.parse_args()


def _stored_runs(testbed: Testbed, options: Options) -> Points:
    def measure() -> Row:
        return {**_measure_sync_and_jobs(testbed, options), **uvloop.run(_measure_pages(testbed))}

    measure()  # warm
    yield "1", _median(options.rounds, measure)
    existing = 0
    for size in options.stored_runs:
        add_runs(testbed.stack.mongodb_uri, size - existing)
        existing = size
        yield f"{size}", _median(options.rounds, measure)


def _queue(testbed: Testbed, options: Options) -> Points:
    for size in options.queued:
        testbed.stack.kill(ServiceName.EXECUTOR)
        try:
            queued, urls = uvloop.run(_fill_queue(testbed, size, options.jobs))
        finally:
            testbed.stack.restart(ServiceName.EXECUTOR)
        yield f"{size}", {**queued, **uvloop.run(_drain_queue(testbed, urls))}


def _blocks(testbed: Testbed, options: Options) -> Points:
    for size in (10, 100, 1_000):
        target = testbed.publish(workflows.idle_blocks(size))
        _measure_sync(testbed, target, FEW, 1)  # compiled
        row = _median(options.rounds, partial(_measure_sync, testbed, target, FEW, options.seconds))
        yield f"{size}", {**row, "cpu_us_per_block": row["cpu_us"] / size}


def _processes(testbed: Testbed, options: Options) -> Points:
    for gateways, executors in PROCESSES:
        with ExitStack() as scaled:
            scaled.enter_context(testbed.scale(ServiceName.EXECUTOR, executors))
            scaled.enter_context(testbed.scale(ServiceName.GATEWAY, gateways))
            row = _median(options.rounds, partial(_measure_all_gateways, testbed, options.seconds))
        yield f"{gateways} gateways, {executors} executors", row


CURVES: Final[Mapping[str, tuple[str, Callable[[Testbed, Options], Points]]]] = {
    "processes": ("processes", _processes),
    "workflow size": ("blocks", _blocks),
    "queue length": ("runs that wait in the queue", _queue),
    "stored runs": ("runs that are stored", _stored_runs),
}
"""In this order, because the last curve fills the store."""


def _measure_sync_and_jobs(testbed: Testbed, options: Options) -> Row:
    sync = _measure_sync(testbed, testbed.no_op, CALLERS, options.seconds)
    meter = CpuMeter(testbed.pids)
    uvloop.run(job_load.measure(testbed.no_op, jobs=options.jobs, callers=CALLERS))
    return {**sync, "job_cpu_us": sum(meter.microseconds_per(options.jobs).values())}


def _measure_sync(testbed: Testbed, target: Target, callers: int, seconds: float) -> Row:
    meter = CpuMeter(testbed.pids)
    found = http_load.measure(target, callers=callers, seconds=seconds)
    cpu = sum(meter.microseconds_per(found.requests).values())
    return {"cpu_us": cpu, "p50_ms": found.p50_ms, "per_second": found.per_second}


async def _measure_pages(testbed: Testbed) -> Row:
    """Measure reading the last hundred runs, and the last hundred failed ones."""
    logs = f"{testbed.stack.url}/api/v1/logs?workspaceId={testbed.credentials.workspace_id}"
    row = {}
    async with Callers(1) as http:
        for kind, narrowed in (("page", ""), ("failed_page", "&level=error")):
            target = replace(testbed.no_op, url=logs + narrowed)
            meter = CpuMeter(testbed.pids)
            for _ in range(PAGES):
                answer = await http.get(target)
                if answer.status != 200:
                    raise BenchmarkFailed(f"{kind} failed: {answer.status} {answer.body[:300].decode()}")
            row[f"{kind}_cpu_us"] = sum(meter.microseconds_per(PAGES).values())
    return row


def _measure_all_gateways(testbed: Testbed, seconds: float) -> Row:
    """Measure with the callers divided among the gateways."""
    urls = [testbed.stack.url_of(name) for name in testbed.stack.names if name.startswith(ServiceName.GATEWAY)]
    targets = [replace(testbed.no_op, url=testbed.no_op.url.replace(testbed.stack.url, url)) for url in urls]
    meter = CpuMeter(testbed.pids)
    with ThreadPoolExecutor() as threads:
        load = partial(http_load.measure, callers=CALLERS // len(targets), seconds=seconds)
        found = list(threads.map(load, targets))
    cpu = sum(meter.microseconds_per(sum(each.requests for each in found)).values())
    return {"per_second": sum(each.per_second for each in found), "cpu_us": cpu}


async def _fill_queue(testbed: Testbed, size: int, jobs: int) -> tuple[Row, list[str]]:
    """Fill the queue up to `size`, and measure accepting its last jobs."""
    async with Callers(CALLERS) as http:
        urls = await job_load.submit(http, testbed.no_op, max(0, size - jobs))
        meter = CpuMeter({name: pid for name, pid in testbed.pids.items() if name != ServiceName.EXECUTOR})
        urls += await job_load.submit(http, testbed.no_op, min(size, jobs))
    return {"accept_cpu_us": sum(meter.microseconds_per(min(size, jobs)).values())}, urls


async def _drain_queue(testbed: Testbed, urls: Sequence[str]) -> Row:
    """Measure running all queued jobs."""
    meter = CpuMeter(testbed.pids)
    async with Callers(CALLERS) as http:
        ended = await job_load.wait_for_all(http, testbed.no_op, urls)
    if len(ended) < len(urls):
        raise BenchmarkFailed("jobs were lost")
    return {"run_cpu_us": sum(meter.microseconds_per(len(urls)).values())}


def _median(rounds: int, measure: Callable[[], Row]) -> Row:
    rows = [measure() for _ in range(rounds)]
    return {figure: statistics.median(row[figure] for row in rows) for figure in rows[0]}


def _table(name: str, curve: Curve) -> Table:
    figures = list(dict.fromkeys(figure for row in curve.points.values() for figure in row))
    table = Table(curve.along, *(Column(figure, justify="right") for figure in figures), title=name)
    for size, row in curve.points.items():
        table.add_row(size, *(f"{row[figure]:,.2f}" if figure in row else "" for figure in figures))
    return table


if __name__ == "__main__":
    main()
