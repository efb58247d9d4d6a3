"""`python -m benchmarks.scale`: cost of a run as data grows.

Measures CPU time of all processes per run, including store and broker, so other load matters little. A flat curve means
constant cost. Each point is the median of several rounds. Writes benchmarks/results/scale.json.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any, Final
from uuid import uuid4

import msgspec
import uvloop
from pymongo import MongoClient
from rich.markdown import Markdown

from benchmarks import workflows
from benchmarks.load import http_load, job_load
from benchmarks.load.http_callers import Callers
from benchmarks.load.http_load import BenchmarkFailed, Target
from benchmarks.machine import Machine
from benchmarks.pages.markdown import number, section, table
from benchmarks.processes import CpuMeter
from benchmarks.results import FOLDER, write_json
from benchmarks.scenarios.scenario import Row
from benchmarks.testbed import Testbed, console, run_testbed, temporary_folder
from jobs_service.store.timestamps import from_ms
from shared.store.pagination import position_of

RESULTS: Final = FOLDER / "scale.json"
ROUNDS: Final = 3
SECONDS: Final = 3
"""Duration of the sync load for each point."""
JOBS: Final = 200
CALLERS: Final = 32
FEW: Final = 4
"""Concurrency for large workflows."""
PAGES: Final = 10
BATCH: Final = 1_000
MONTH_MS: Final = 30 * 24 * 3600 * 1000
Points = Iterator[tuple[str, Row]]


class Curve(msgspec.Struct, frozen=True):
    """Figures by size."""

    machine: Machine
    along: str
    points: dict[str, dict[str, float]]


def main() -> None:
    """Measure the selected curves and report. Others keep their results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[""], help=f"parts of: {', '.join(CURVES)}")
    only, screen, curves = parser.parse_args().only, console(), read_curves()
    with temporary_folder() as folder, run_testbed(folder) as testbed:
        for name, (along, measure) in CURVES.items():
            if any(part in name for part in only):
                points = {size: {key: round(value, 2) for key, value in row.items()} for size, row in measure(testbed)}
                curves[name] = Curve(Machine.now(), along, points)
                write_json(RESULTS, curves)
                heads = list(next(iter(points.values())))
                rows = ([size, *(number(row[head]) for head in heads)] for size, row in points.items())
                screen.print(Markdown(section(name, table([along, *heads], rows))))


def read_curves() -> dict[str, Curve]:
    """Return the stored curves."""
    return msgspec.json.decode(RESULTS.read_bytes(), type=dict[str, Curve]) if RESULTS.exists() else {}


def _blocks(testbed: Testbed) -> Points:
    for size in (10, 100, 1_000):
        measure = partial(_measure_sync, testbed, testbed.publish(workflows.idle_blocks(size)), FEW)
        measure()  # compiled
        row = _median(measure)
        yield f"{size}", {**row, "cpu_us_per_block": row["cpu_us"] / size}


def _stored_runs(testbed: Testbed) -> Points:
    def measure() -> Row:
        return {
            **_measure_sync(testbed, testbed.no_op),
            **_measure_jobs(testbed),
            **uvloop.run(_measure_pages(testbed)),
        }

    measure()  # warm
    yield "1", _median(measure)
    for before, size in pairwise((0, 1_000, 10_000, 100_000, 1_000_000)):
        _add_runs(testbed.stack.mongodb_uri, size - before)
        yield f"{size}", _median(measure)


CURVES: Final[Mapping[str, tuple[str, Callable[[Testbed], Points]]]] = {
    "workflow size": ("blocks", _blocks),
    "stored runs": ("runs that are stored", _stored_runs),
}
"""In this order, because the last curve fills the store."""


def _median(measure: Callable[[], Row]) -> Row:
    rows = [measure() for _ in range(ROUNDS)]
    return {figure: statistics.median(row[figure] for row in rows) for figure in rows[0]}


def _measure_sync(testbed: Testbed, target: Target, callers: int = CALLERS) -> Row:
    meter = CpuMeter(testbed.pids)
    requests, row = http_load.measure(target, callers=callers, seconds=SECONDS)
    return {**row, "cpu_us": meter.total_per(requests)}


def _measure_jobs(testbed: Testbed) -> Row:
    meter = CpuMeter(testbed.pids)
    uvloop.run(job_load.measure(testbed.no_op, jobs=JOBS, callers=CALLERS))
    return {"job_cpu_us": meter.total_per(JOBS)}


async def _measure_pages(testbed: Testbed) -> Row:
    """Measure reading the last hundred runs, and the last hundred failed ones."""
    logs = f"{testbed.stack.url}/api/v1/logs?workspaceId={testbed.credentials.workspace_id}"
    row = {}
    async with Callers(1) as http:
        for kind, narrowed in (("page", ""), ("failed_page", "&level=error")):
            target = replace(testbed.no_op, url=logs + narrowed)
            meter = CpuMeter(testbed.pids)
            for _ in range(PAGES):
                answer = await http.call(target, "GET")
                if answer.status != 200:
                    raise BenchmarkFailed(f"{kind} failed: {answer.status} {answer.body[:300].decode()}")
            row[f"{kind}_cpu_us"] = meter.total_per(PAGES)
    return row


def _add_runs(mongodb_uri: str, count: int) -> None:
    """Insert copies of a run as ended runs of the last 30 days, one in twenty failed."""
    client: MongoClient[dict[str, Any]] = MongoClient(mongodb_uri)
    collection, newest = client["flowport_jobs"]["runs"], time.time_ns() // 1_000_000
    template = collection.find_one() or {}

    def run(number: int) -> dict[str, Any]:
        created = newest - random.randrange(MONTH_MS)
        failed = {"phase": "failed", "status": "failed"} if number % 20 == 0 else {}
        times = {"created_ms": created, "position": position_of(from_ms(created), number)}
        return {**template, "_id": uuid4().hex, "job_id": f"run_{uuid4().hex[:20]}", **times, **failed}

    for start in range(0, count, BATCH):
        collection.insert_many([run(number) for number in range(start, min(count, start + BATCH))], ordered=False)


if __name__ == "__main__":
    main()
