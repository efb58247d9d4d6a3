"""`python -m benchmarks.script_cost`: CPU time of a run with scripts, process by process.

Runs the real stack and loads it with a workflow without scripts, with one function and with four parallel functions, in
turn. CPU times come from the kernel's scheduler, so other work on the machine hardly affects them.
"""

import argparse
import os
import statistics
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Final

from rich.table import Table

from benchmarks import workflows
from benchmarks.command_line import console, temporary_folder
from benchmarks.load import http_load
from benchmarks.load.http_load import Target
from benchmarks.processes import process_tree
from benchmarks.revisions import build_of, run_build

NO_OP: Final = "no-op"
WORKFLOWS: Final = {
    NO_OP: (workflows.no_op, 0),
    "one function": (workflows.one_function, 1),
    "four functions": (workflows.four_ways, 4),
}
"""Each with its number of scripts."""
SCRIPTS: Final = "scripts (Node)"
ZYGOTES: Final = "sandbox zygotes"
PARTS: Final = {
    "--jitless": SCRIPTS,
    "from jail.": ZYGOTES,
    "executor": "executor-service",
    "gateway": "gateway",
    "jobs": "jobs-service",
    "deploy": "deploy-service",
    "beam": "broker",
    "secantus": "store",
    "mongod": "store",
}
"""Parts of the stack by a word of the command line; the first match counts."""
OTHER: Final = "other"
TOTAL: Final = "total"
WARM_SECONDS: Final = 2.0
SETTLE_SECONDS: Final = 2.0
"""The last calls of a load are canceled, which ends their script processes; new ones start in this time."""
NANOSECONDS_PER_TICK: Final = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
Costs = dict[str, float]


def main() -> None:
    """Measure, and print the CPU time of each part for each run in µs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--callers", type=int, default=32)
    parser.add_argument("--revision", default=".", help="git revision to measure instead of this checkout")
    options = parser.parse_args()
    found: dict[str, list[Costs]] = defaultdict(list)
    with temporary_folder() as folder, run_build(build_of(options.revision, {}), folder / "stack") as build:
        targets = {name: build.publish(document(), "{}") for name, (document, _) in WORKFLOWS.items()}
        for target in targets.values():
            http_load.measure(target, callers=options.callers, seconds=WARM_SECONDS)
        for _ in range(options.rounds):
            for name, target in targets.items():
                found[name].append(_costs(build.pid, target, options.callers, options.seconds))
    console().print(table({name: _medians(rows) for name, rows in found.items()}))


def table(costs: dict[str, Costs]) -> Table:
    """Return a table of the parts, with what each script adds to the workflow without scripts."""
    shown = Table("CPU µs per run", *costs, *(f"{name}: added per script" for name in costs if name != NO_OP))
    for part in sorted({part for row in costs.values() for part in row}, key=lambda part: (part == TOTAL, part)):
        figures = [row.get(part, 0.0) for row in costs.values()]
        added = [
            (row.get(part, 0.0) - costs[NO_OP].get(part, 0.0)) / WORKFLOWS[name][1]
            for name, row in costs.items()
            if name != NO_OP
        ]
        shown.add_row(part, *(f"{figure:,.0f}" for figure in [*figures, *added]))
    return shown


def _costs(root: int, target: Target, callers: int, seconds: float) -> Costs:
    """Return the CPU time of each part per run, in µs."""
    time.sleep(SETTLE_SECONDS)
    before = _used(root)
    requests = http_load.measure(target, callers=callers, seconds=seconds).requests
    used = _used(root)
    used.subtract(before)
    return {part: each / requests / 1000 for part, each in used.items()} | {TOTAL: used.total() / requests / 1000}


def _medians(rows: list[Costs]) -> Costs:
    return {part: statistics.median(row.get(part, 0.0) for row in rows) for part in rows[0]}


def _used(root: int) -> Counter[str]:
    """Return the CPU time of each part below `root` in ns. Ended scripts count with those that run."""
    tree = process_tree(root)
    parts = {pid: part for pid in tree if (part := _part(pid))}
    used: Counter[str] = Counter()
    for pid, fields in tree.items():
        is_script = parts.get(int(fields[1])) == ZYGOTES  # even while it ends, when it has no command line
        used[SCRIPTS if is_script else parts.get(pid, OTHER)] += _nanoseconds(pid)
        if parts.get(pid) == ZYGOTES:
            used[SCRIPTS] += (int(fields[13]) + int(fields[14])) * NANOSECONDS_PER_TICK
    return used


def _part(pid: int) -> str | None:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:  # the process ended
        return None
    return next((part for word, part in PARTS.items() if word in command), None)


def _nanoseconds(pid: int) -> int:
    try:
        return sum(int(file.read_text().split()[0]) for file in Path(f"/proc/{pid}").glob("task/*/schedstat"))
    except OSError:  # the process ended
        return 0


if __name__ == "__main__":
    main()
