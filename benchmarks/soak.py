"""`python -m benchmarks.soak`: half an hour of mixed load, to detect growth.

Samples memory, files, connections and tasks of every process, and the broker's queues. After a warm-up of a quarter,
the last quarter is compared with the second. Writes benchmarks/results/soak.json.
"""

import argparse
import asyncio
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import httpx2
import msgspec
from rich.table import Column, Table

from benchmarks.command_line import console, temporary_folder
from benchmarks.load import mixed_load
from benchmarks.machine import Machine
from benchmarks.processes import open_files, resident_mib, sockets
from benchmarks.results import FOLDER, write_json
from benchmarks.testbed import Testbed, run_testbed

RESULTS: Final = FOLDER / "soak.json"
MAY_GROW: Final = 0.05
SOME: Final = 8
"""Allowed fluctuation of files, connections, tasks and messages."""
CACHE: Final = "memory: store"
"""SecantusDB fills its cache of up to 1 GiB: shown, not judged."""
Series = dict[str, list[float]]
"""Samples by process."""


class ConditionResult(msgspec.Struct, frozen=True):
    """Comparison of the second and the last quarter of a series."""

    what: str
    early: float
    late: float
    is_flat: bool


class Soak(msgspec.Struct, frozen=True):
    """Result of a soak: `calls` by outcome."""

    machine: Machine
    minutes: float
    per_second: float
    calls: dict[str, int]
    verdicts: list[ConditionResult]


def main() -> int:
    """Run the soak. Return 1 if something grew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=20, help="calls per second")
    parser.add_argument("--every", type=float, default=5, help="seconds between samples")
    options = parser.parse_args()
    machine = Machine.now()
    with temporary_folder() as folder, run_testbed(folder) as testbed:
        calls, series = asyncio.run(_run_load(testbed, options.rate, options.minutes * 60, options.every))
    verdicts = [_verdict(kind, name, values) for kind, each in series.items() for name, values in each.items()]
    write_json(RESULTS, Soak(machine, options.minutes, options.rate, dict(sorted(calls.items())), verdicts))
    console().print(_table(verdicts), *(f"{end} {count}" for end, count in sorted(calls.items())), sep="\n")
    return 0 if all(verdict.is_flat or verdict.what == CACHE for verdict in verdicts) else 1


async def _run_load(
    testbed: Testbed, rate: float, seconds: float, every: float
) -> tuple[Counter[str], dict[str, Series]]:
    series: dict[str, Series] = defaultdict(lambda: defaultdict(list))
    load = asyncio.create_task(mixed_load.run(testbed.targets, per_second=rate, seconds=seconds))
    async with httpx2.AsyncClient(timeout=30, trust_env=False) as http:
        while not load.done():
            for kind, sample in (await _sample(testbed, http)).items():
                for name, value in sample.items():
                    series[kind][name].append(value)
            await asyncio.wait((load,), timeout=every)
    return await load, series


async def _sample(testbed: Testbed, http: httpx2.AsyncClient) -> Mapping[str, Mapping[str, float]]:
    pids = testbed.pids
    return {
        "memory": {name: round(resident_mib(pid), 1) for name, pid in pids.items()},
        "files": {name: open_files(pid) for name, pid in pids.items()},
        "connections": {name: sockets(pid) for name, pid in pids.items()},
        "tasks": {name: await _tasks(http, testbed.stack.url_of(name)) for name in testbed.stack.names},
        "queues": await _queues(testbed, http),
    }


async def _tasks(http: httpx2.AsyncClient, url: str) -> float:
    metrics = (await http.get(f"{url}/metrics")).text.splitlines()
    return next(float(line.split()[1]) for line in metrics if line.startswith("flowport_tasks "))


async def _queues(testbed: Testbed, http: httpx2.AsyncClient) -> Mapping[str, float]:
    if testbed.stack.rabbitmq is None:
        return {}
    queues = (await http.get(f"{testbed.stack.rabbitmq.management_url}/api/queues")).json()
    ours = [queue for queue in queues if not queue["name"].startswith("bench")]
    return {"messages in all": sum(queue.get("messages", 0) for queue in ours), "declared": len(ours)}


def _verdict(kind: str, name: str, values: Sequence[float]) -> ConditionResult:
    quarter = max(1, len(values) // 4)
    early, late = statistics.median(values[quarter : 2 * quarter] or values), statistics.median(values[-quarter:])
    allowed = early * MAY_GROW if kind == "memory" else max(SOME, early * MAY_GROW)
    return ConditionResult(f"{kind}: {name}", early, late, late - early <= allowed)


def verdict_text(verdict: ConditionResult) -> str:
    """Return the verdict as text."""
    return "flat" if verdict.is_flat else "fills its cache" if verdict.what == CACHE else "grew"


def _table(verdicts: Sequence[ConditionResult]) -> Table:
    table = Table("what", *(Column(name, justify="right") for name in ("second quarter", "last quarter")), "")
    for verdict in verdicts:
        table.add_row(verdict.what, f"{verdict.early:,g}", f"{verdict.late:,g}", verdict_text(verdict))
    return table


if __name__ == "__main__":
    sys.exit(main())
