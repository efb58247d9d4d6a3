"""`python -m benchmarks.scale`: what a run costs as the system fills, and what more processes give.

CPU time of all processes for one run, the store and the broker among them, so that a busy machine matters little; a
curve that is flat costs nothing to grow along. Each point is the median of a few rounds. Writes
benchmarks/results/scale.json and a plot for each curve.
"""

import argparse
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import msgspec
import uvloop
from rich.console import Console
from rich.table import Column, Table

from benchmarks import workflows
from benchmarks.growth import Growth
from benchmarks.load import calls, http_load, job_load
from benchmarks.load.callers import Callers
from benchmarks.load.http_load import BenchmarkFailed, Target
from benchmarks.machine import Machine
from benchmarks.plots import lines
from benchmarks.processes import CpuMeter
from benchmarks.results import FOLDER
from benchmarks.scenarios.scenario import Row
from benchmarks.scenarios.versions import first_run_of_new_version
from benchmarks.stand import Stand, standing
from benchmarks.surroundings import console, temporary_folder
from shared.service import ServiceName

RESULTS: Final = FOLDER / "scale.json"
CALLERS: Final = 32
FEW: Final = 4
"""Callers of workflows so large that more would only wait for each other."""
PAGES: Final = 10
PROCESSES: Final = ((1, 1), (1, 2), (1, 4), (2, 1), (2, 2), (2, 4))
"""Gateways and executors."""


@dataclass(frozen=True)
class Options:
    """How far it goes."""

    rounds: int
    seconds: float
    runs: int
    jobs: int
    stored_runs: tuple[int, ...]
    queued: tuple[int, ...]


class Curve(msgspec.Struct, frozen=True):
    """Figures by size; `failed` says why there are no more of them."""

    machine: Machine
    along: str
    points: dict[str, dict[str, float]]
    failed: str = ""


Points = Iterator[tuple[str, Row]]


def main() -> None:
    """Measure and report; curves that were not asked for stay as they were."""
    asked = _asked()
    sizes = tuple(asked.stored_runs), tuple(asked.queued)
    options = Options(asked.rounds, asked.seconds, asked.runs, asked.jobs, *sizes)
    screen = console()
    curves = read_curves()
    with temporary_folder() as folder, standing(folder) as stand:
        for name in CURVES:
            if any(part in name for part in asked.only):
                curves[name] = _measured(name, stand, options, screen)
                RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(curves), indent=1) + b"\n")
                _plot(name, curves[name])
                screen.print(_table(name, curves[name]))
    screen.print(f"Written to {FOLDER}")


def read_curves() -> dict[str, Curve]:
    """What was measured before."""
    return msgspec.json.decode(RESULTS.read_bytes(), type=dict[str, Curve]) if RESULTS.exists() else {}


def _measured(name: str, stand: Stand, options: Options, screen: Console) -> Curve:
    along, measure = CURVES[name]
    points: dict[str, Row] = {}
    failed = ""
    try:
        for size, row in measure(stand, options):
            points[size] = {figure: round(value, 2) for figure, value in row.items()}
            screen.print(f"{name}, {size}: {points[size]}")
    except Exception as error:
        failed = f"{type(error).__name__}: {error}"
        screen.print(f"{name} FAILED {failed}")
    return Curve(Machine.now(), along, points, failed)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[""], help=f"parts of: {', '.join(CURVES)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3, help="of load for each number of processes")
    parser.add_argument("--runs", type=int, default=2_000, help="sync runs for each point")
    parser.add_argument("--jobs", type=int, default=200, help="queued runs for each point")
    parser.add_argument("--stored-runs", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--queued", type=int, nargs="+", default=[100, 1_000, 5_000])
    return parser.parse_args()


def _stored_runs(stand: Stand, options: Options) -> Points:
    growth = Growth(stand.stack.mongodb_uri)

    def measure() -> Row:
        return {**_both_kinds(stand, options), **uvloop.run(_pages(stand))}

    yield from _growing(options, options.stored_runs, growth.runs, measure)


def _workspaces(stand: Stand, options: Options) -> Points:
    growth = Growth(stand.stack.mongodb_uri)
    sizes = (100, 1_000, 10_000)
    yield from _growing(options, sizes, growth.workspaces, partial(_both_kinds, stand, options))


def _versions(stand: Stand, options: Options) -> Points:
    growth = Growth(stand.stack.mongodb_uri)
    grow = partial(growth.versions, stand.no_op.url.split("/")[-2])

    def measure() -> Row:
        return {**_sync(stand, stand.no_op, CALLERS, options.runs), **first_run_of_new_version(stand)}

    yield from _growing(options, (10, 100, 1_000), grow, measure)


def _queue(stand: Stand, options: Options) -> Points:
    for size in options.queued:
        stand.stack.kill(ServiceName.EXECUTOR)
        try:
            queued, urls = uvloop.run(_queued(stand, size, options.jobs))
        finally:
            stand.stack.restart(ServiceName.EXECUTOR)
        yield f"{size}", {**queued, **uvloop.run(_emptied(stand, urls))}


def _blocks(stand: Stand, options: Options) -> Points:
    for size in (10, 100, 1_000):
        target = stand.published(workflows.idle_blocks(size))
        runs = max(FEW, options.runs // size)
        _sync(stand, target, FEW, FEW)  # compiled
        row = _median(options.rounds, partial(_sync, stand, target, FEW, runs))
        yield f"{size}", {**row, "cpu_us_per_block": row["cpu_us"] / size}


def _processes(stand: Stand, options: Options) -> Points:
    for gateways, executors in PROCESSES:
        with ExitStack() as scaled:
            scaled.enter_context(stand.scaled(ServiceName.EXECUTOR, executors))
            scaled.enter_context(stand.scaled(ServiceName.GATEWAY, gateways))
            row = _median(options.rounds, partial(_over_all_gateways, stand, options.seconds))
        yield f"{gateways} gateways, {executors} executors", row


CURVES: Final[Mapping[str, tuple[str, Callable[[Stand, Options], Points]]]] = {
    "processes": ("processes", _processes),
    "workflow size": ("blocks", _blocks),
    "versions": ("versions of the workflow", _versions),
    "workspaces": ("workspaces", _workspaces),
    "queue length": ("runs that wait in the queue", _queue),
    "stored runs": ("runs that are stored", _stored_runs),
}
"""The last ones leave the store full."""


def _growing(options: Options, sizes: Sequence[int], grow: Callable[[int], None], measure: Callable[[], Row]) -> Points:
    """Measured before, and at each size."""
    measure()  # warm
    yield "1", _median(options.rounds, measure)
    there = 0
    for size in sizes:
        grow(size - there)
        there = size
        yield f"{size}", _median(options.rounds, measure)


def _both_kinds(stand: Stand, options: Options) -> Row:
    sync = _sync(stand, stand.no_op, CALLERS, options.runs)
    meter = CpuMeter(stand.pids)
    uvloop.run(job_load.measure(stand.no_op, jobs=options.jobs, callers=CALLERS))
    return {**sync, "job_cpu_us": sum(meter.microseconds_per(options.jobs).values())}


def _sync(stand: Stand, target: Target, callers: int, runs: int) -> Row:
    meter = CpuMeter(stand.pids)
    found = uvloop.run(calls.measure(target, runs=runs, callers=callers))
    cpu = sum(meter.microseconds_per(runs).values())
    return {"cpu_us": cpu, "p50_ms": found.p50_ms, "per_second": found.per_second}


async def _pages(stand: Stand) -> Row:
    """What it costs to read the last hundred runs, and the last hundred that failed."""
    logs = f"{stand.stack.url}/api/v1/logs?workspaceId={stand.credentials.workspace_id}"
    row = {}
    async with Callers(1) as http:
        for kind, narrowed in (("page", ""), ("failed_page", "&level=error")):
            target = replace(stand.no_op, url=logs + narrowed)
            meter = CpuMeter(stand.pids)
            for _ in range(PAGES):
                answer = await http.get(target)
                if answer.status != 200:
                    raise BenchmarkFailed(f"no {kind}: {answer.status} {answer.body[:300].decode()}")
            row[f"{kind}_cpu_us"] = sum(meter.microseconds_per(PAGES).values())
    return row


def _over_all_gateways(stand: Stand, seconds: float) -> Row:
    """As many callers as ever, divided among the gateways."""
    urls = [stand.stack.url_of(name) for name in stand.stack.names if name.startswith(ServiceName.GATEWAY)]
    targets = [replace(stand.no_op, url=stand.no_op.url.replace(stand.stack.url, url)) for url in urls]
    meter = CpuMeter(stand.pids)
    with ThreadPoolExecutor() as threads:
        load = partial(http_load.measure, callers=CALLERS // len(targets), seconds=seconds)
        found = list(threads.map(load, targets))
    cpu = sum(meter.microseconds_per(sum(each.requests for each in found)).values())
    return {"per_second": sum(each.per_second for each in found), "cpu_us": cpu}


async def _queued(stand: Stand, size: int, jobs: int) -> tuple[Row, list[str]]:
    """Fill the queue up to `size`, and see what the last of its jobs cost to accept."""
    async with Callers(CALLERS) as http:
        urls = await job_load.submit(http, stand.no_op, max(0, size - jobs))
        meter = CpuMeter({name: pid for name, pid in stand.pids.items() if name != ServiceName.EXECUTOR})
        urls += await job_load.submit(http, stand.no_op, min(size, jobs))
    return {"accept_cpu_us": sum(meter.microseconds_per(min(size, jobs)).values())}, urls


async def _emptied(stand: Stand, urls: Sequence[str]) -> Row:
    """What it costs to run them all."""
    meter = CpuMeter(stand.pids)
    async with Callers(CALLERS) as http:
        ended = await job_load.ends(http, stand.no_op, urls)
    if len(ended) < len(urls):
        raise BenchmarkFailed("jobs were lost")
    return {"run_cpu_us": sum(meter.microseconds_per(len(urls)).values())}


def _median(rounds: int, measure: Callable[[], Row]) -> Row:
    rows = [measure() for _ in range(rounds)]
    return {figure: statistics.median(row[figure] for row in rows) for figure in rows[0]}


def _plot(name: str, curve: Curve) -> None:
    sizes = {size: float(size) if size.isdecimal() else number for number, size in enumerate(curve.points, 1)}
    figures = {figure for row in curve.points.values() for figure in row if "cpu_us" in figure}
    series = {
        figure: [(sizes[size], row[figure]) for size, row in curve.points.items() if figure in row]
        for figure in sorted(figures)
    }
    plot = lines(f"{name}: CPU µs per run", curve.along, series)
    (FOLDER / f"scale-{name.replace(' ', '-')}.svg").write_text(plot)


def _table(name: str, curve: Curve) -> Table:
    figures = list(dict.fromkeys(figure for row in curve.points.values() for figure in row))
    table = Table(curve.along, *(Column(figure, justify="right") for figure in figures), title=name)
    for size, row in curve.points.items():
        table.add_row(size, *(f"{row[figure]:,.2f}" if figure in row else "" for figure in figures))
    return table


if __name__ == "__main__":
    main()
