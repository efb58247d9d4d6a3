"""Interleaved comparison of two builds, with confidence intervals.

The rounds alternate (A B, B A, …), so changes in the machine's speed affect both builds. Each round gives one ratio.
Half of the rounds are measured with A started first, the other half with B: identical builds differ by up to 15 % of
CPU time in the order of their start.
The interval is the pair of order statistics that encloses the median ratio with at least 95 % confidence, without
assumptions about the distribution (Conover, Practical Nonparametric Statistics, 3rd ed., section 3.2).
"""

import asyncio
import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from rich.table import Table

from benchmarks import workflows
from benchmarks.load import http_load, job_load, stream_load
from benchmarks.load.http_load import BenchmarkFailed, Target
from benchmarks.machine import PaceMonitor
from benchmarks.revisions import Build, RunningBuild, run_build
from benchmarks.scenarios.scenario import Row
from benchmarks.testbed import deploy

MIN_ROUNDS: Final = 6
"""Fewer ratios do not reach 95 % confidence."""
DEFAULT_ROUNDS: Final = 10
CONFIDENCE: Final = 0.95
JOBS: Final = 250
"""Jobs in one round, from many callers."""
JOBS_OF_ONE: Final = 50
WORKFLOWS: Final = {
    "no-op": (workflows.no_op(), "{}"),
    "one function": (workflows.one_function(), "{}"),
    "four functions": (workflows.four_ways(), "{}"),
    "ten blocks": (workflows.ten_blocks(), "{}"),
    "stream": (workflows.streaming("echo"), workflows.stream_body()),
}
"""Workflows and their request bodies."""
PAUSE_MS: Final = 2
"""Upper bound of the random pause before each call."""
Measure = Callable[[RunningBuild, Target, float], Row]
"""Measures one round, of about the given seconds."""


@dataclass(frozen=True)
class Interval:
    """Median ratio and its 95 % confidence interval."""

    lower: float
    median: float
    upper: float

    @classmethod
    def of(cls, ratios: Sequence[float]) -> "Interval":
        """Return the interval of at least MIN_ROUNDS ratios. Raises ValueError for fewer."""
        count, ordered = len(ratios), sorted(ratios)
        if count < MIN_ROUNDS:
            raise ValueError(f"an interval requires at least {MIN_ROUNDS} ratios, not {count}")
        cut, tail = 0, 2 * 0.5**count
        while tail + 2 * math.comb(count, cut + 1) * 0.5**count <= 1 - CONFIDENCE:
            cut += 1
            tail += 2 * math.comb(count, cut) * 0.5**count
        return cls(ordered[cut], statistics.median(ordered), ordered[count - 1 - cut])


@dataclass(frozen=True)
class Compared:
    """Rows of one scenario, of both builds, by round."""

    name: str
    ours: list[Row] = field(default_factory=list)
    theirs: list[Row] = field(default_factory=list)

    def medians(self, figure: str) -> tuple[float, float]:
        """Return the medians of both builds."""
        return statistics.median(row[figure] for row in self.ours), statistics.median(
            row[figure] for row in self.theirs
        )

    def interval(self, figure: str) -> Interval:
        """Return the interval of the ratio between this build and the other."""
        return Interval.of([own[figure] / other[figure] for own, other in zip(self.ours, self.theirs, strict=True)])


def compare(
    ours: Build, theirs: Build, *, folder: Path, only: Sequence[str], rounds: int, seconds: float
) -> list[Compared]:
    """Measure the selected scenarios on both builds alternately. Raises BenchmarkFailed, ServerFailed."""
    chosen = {name: each for name, each in _scenarios().items() if any(part in name for part in only)}
    if not chosen:
        raise BenchmarkFailed(f"no scenario name contains {' or '.join(only)}")
    found = {name: Compared(name) for name in chosen}
    for part, (first, second) in enumerate([(ours, theirs), (theirs, ours)]):
        below = folder / str(part)
        with run_build(first, below / "first") as one, run_build(second, below / "second") as two:
            builds = (one, two) if first is ours else (two, one)
            for name, (workflow, measure) in chosen.items():
                measures = [
                    partial(measure, each, deploy(each.client, *WORKFLOWS[workflow]), seconds) for each in builds
                ]
                _measure(measures, (rounds + 1 - part) // 2, found[name])
    return list(found.values())


def table(found: Iterable[Compared], ours: Build, theirs: Build) -> Table:
    """Return a table of the figures of both builds, their ratios and intervals."""
    shown = Table("scenario", "figure", ours.name, theirs.name, "ratio", "95 % interval")
    for each in found:
        for number, figure in enumerate(each.ours[0]):
            interval, (own, other) = each.interval(figure), each.medians(figure)
            bounds = f"{interval.lower:.3f} to {interval.upper:.3f}"
            shown.add_row(
                "" if number else each.name, figure, f"{own:,.2f}", f"{other:,.2f}", f"{interval.median:.3f}", bounds
            )
    return shown


def _measure(measures: Sequence[Callable[[], Row]], rounds: int, found: Compared) -> None:
    pace = PaceMonitor()
    for number in range(-1, rounds):  # the first round warms up
        for side in (0, 1) if number % 2 else (1, 0):
            pace.wait()
            row = measures[side]()
            if number >= 0:
                (found.ours, found.theirs)[side].append(row)


def _scenarios() -> Mapping[str, tuple[str, Measure]]:
    """Return the workflow of each scenario, and how it is measured."""
    found: dict[str, tuple[str, Measure]] = {}
    for callers in (1, 32, 128):
        found[f"sync no-op, {callers} callers"] = ("no-op", partial(_load, callers=callers))
    for callers in (32, 128):
        found[f"sync no-op, {callers} callers, pausing"] = ("no-op", partial(_load, callers=callers, pause_ms=PAUSE_MS))
    for workflow in ("one function", "four functions", "ten blocks"):
        found[f"sync {workflow}, 32 callers"] = (workflow, partial(_load, callers=32))
    for callers in (1, 32):
        found[f"stream, {callers} streams"] = ("stream", partial(_stream, callers=callers))
        found[f"queued jobs, {callers} callers"] = ("no-op", partial(_jobs, callers=callers))
    return found


def _load(build: RunningBuild, target: Target, seconds: float, *, callers: int, pause_ms: int = 0) -> Row:
    before = build.cpu_seconds()
    requests, row = http_load.measure(target, callers=callers, seconds=seconds, pause_ms=pause_ms)
    return row | {"cpu_us": (build.cpu_seconds() - before) / requests * 1e6}


def _jobs(build: RunningBuild, target: Target, seconds: float, *, callers: int) -> Row:
    jobs = min(JOBS, JOBS_OF_ONE * callers)
    before = build.cpu_seconds()
    row = asyncio.run(job_load.measure(target, jobs=jobs, callers=callers))
    return row | {"cpu_us": (build.cpu_seconds() - before) / jobs * 1e6}


def _stream(build: RunningBuild, target: Target, seconds: float, *, callers: int) -> Row:
    times = max(1, 64 // callers)
    return asyncio.run(stream_load.measure(target, callers=callers, tokens=workflows.TOKENS, times=times))
