"""`python -m benchmarks.soak`: half an hour of mixed load, to detect growth.

Samples memory, files and tasks of every process, and the broker's queues. After a warm-up of a quarter, the last
quarter is compared with the second. Writes benchmarks/results/soak.json.
"""

import argparse
import asyncio
import itertools
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import httpx2
import msgspec
from rich.markdown import Markdown

from benchmarks.load import job_load, steady_load
from benchmarks.load.http_callers import Callers
from benchmarks.load.http_load import Target
from benchmarks.machine import Machine
from benchmarks.pages.markdown import number, section, table
from benchmarks.processes import open_files, resident_mib
from benchmarks.results import FOLDER, write_json
from benchmarks.testbed import Testbed, console, run_testbed, temporary_folder

RESULTS: Final = FOLDER / "soak.json"
PER_SECOND: Final = 20
SAMPLE_SECONDS: Final = 5
MAY_GROW: Final = 0.05
SOME: Final = 8
"""Allowed fluctuation of files, tasks and messages."""
CACHE: Final = "memory: store"
"""SecantusDB fills its cache of up to 1 GiB: shown, not judged."""
POSTED: Final = ("sync no-op", "sync, one function", "sync, ten blocks", "echo", "vllm/words")
Series = dict[str, list[float]]
"""Samples by quantity."""


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
    options = parser.parse_args()
    machine = Machine.now()
    with temporary_folder() as folder, run_testbed(folder) as testbed:
        calls, series = asyncio.run(_run_load(testbed, options.minutes * 60))
    verdicts = [_verdict(what, values) for what, values in series.items()]
    write_json(RESULTS, Soak(machine, options.minutes, PER_SECOND, dict(sorted(calls.items())), verdicts))
    console().print(Markdown(soak_section()), calls)
    return 0 if all(verdict.is_flat or verdict.what == CACHE for verdict in verdicts) else 1


def soak_section() -> str:
    """Return the section of the stored soak, empty without one."""
    if not RESULTS.exists():
        return ""
    found = msgspec.json.decode(RESULTS.read_bytes(), type=Soak)
    text = f"{found.minutes:g} minutes of mixed load, {found.per_second:g} calls per second. Measured {found.machine}."
    rows = (
        [
            each.what,
            number(each.early),
            number(each.late),
            "flat" if each.is_flat else "fills its cache" if each.what == CACHE else "grew",
        ]
        for each in found.verdicts
    )
    return section("Soak", text, table(["", "second quarter", "last quarter", ""], rows))


async def _run_load(testbed: Testbed, seconds: float) -> tuple[Counter[str], Series]:
    outcomes: Counter[str] = Counter()
    series: Series = defaultdict(list)
    load = asyncio.create_task(steady_load.run(_calls(testbed.targets, outcomes), PER_SECOND, seconds, seed="soak"))
    async with httpx2.AsyncClient(timeout=30, trust_env=False) as http:
        while not load.done():
            for what, value in (await _sample(testbed, http)).items():
                series[what].append(value)
            await asyncio.wait((load,), timeout=SAMPLE_SECONDS)
    await load
    return outcomes, series


def _calls(targets: Mapping[str, Target], outcomes: Counter[str]) -> Iterator[steady_load.Call]:
    no_op, slow = targets["sync no-op"], targets["vllm/words-10"]
    wrong_key = replace(no_op, headers={"x-api-key": "sk-sim-invalid_key"})
    missing = replace(no_op, url=no_op.url.replace("/execute", "0/execute"))

    async def post(target: Target, http: Callers, due: float) -> None:
        outcomes[str((await http.call(target)).status)] += 1

    async def disconnect(http: Callers, due: float) -> None:
        (await http.begin(slow))()

    async def job(http: Callers, due: float) -> None:
        await job_load.wait_for_all(http, no_op, await job_load.submit(http, no_op, 1))

    async def count_errors(call: steady_load.Call, http: Callers, due: float) -> None:
        try:
            await call(http, due)
        except Exception as error:
            outcomes[type(error).__name__] += 1

    posted = (*(targets[name] for name in POSTED), wrong_key, missing)
    calls: list[steady_load.Call] = [disconnect, job, *(partial(post, target) for target in posted)]
    return itertools.cycle(partial(count_errors, call) for call in calls)


async def _sample(testbed: Testbed, http: httpx2.AsyncClient) -> dict[str, float]:
    pids, stack = testbed.pids, testbed.stack
    found: dict[str, float] = {f"memory: {name}": round(resident_mib(pid), 1) for name, pid in pids.items()}
    found |= {f"files: {name}": open_files(pid) for name, pid in pids.items()}
    for name in stack.names:
        metrics = (await http.get(f"{stack.url_of(name)}/metrics")).text.splitlines()
        found[f"tasks: {name}"] = next(float(line.split()[1]) for line in metrics if line.startswith("flowport_tasks "))
    if stack.rabbitmq is not None:
        queues = (await http.get(f"{stack.rabbitmq.management_url}/api/queues")).json()
        ours = [queue for queue in queues if not queue["name"].startswith("bench")]
        found["queues: messages in all"] = sum(queue.get("messages", 0) for queue in ours)
        found["queues: declared"] = len(ours)
    return found


def _verdict(what: str, values: Sequence[float]) -> ConditionResult:
    quarter = max(1, len(values) // 4)
    early, late = statistics.median(values[quarter : 2 * quarter] or values), statistics.median(values[-quarter:])
    allowed = early * MAY_GROW if what.startswith("memory") else max(SOME, early * MAY_GROW)
    return ConditionResult(what, early, late, late - early <= allowed)


if __name__ == "__main__":
    sys.exit(main())
