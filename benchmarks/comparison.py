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

from rich.console import Console
from rich.table import Table

from benchmarks import workflows
from benchmarks.interference import PaceMonitor
from benchmarks.load import http_load, job_load, stream_load
from benchmarks.load.http_load import BenchmarkFailed
from benchmarks.revisions import Build, RunningBuild, run_build
from benchmarks.scenarios.scenario import Row

MIN_ROUNDS: Final = 6
"""Fewer ratios do not reach 95 % confidence."""
DEFAULT_ROUNDS: Final = 10
CONFIDENCE: Final = 0.95
JOBS: Final = 250
"""Jobs in one round, from many callers."""
JOBS_OF_ONE: Final = 50
STREAM_MODEL: Final = "echo"
PAUSE_MS: Final = 2
"""Upper bound of the random pause before each call."""
Measure = Callable[[RunningBuild], Row]


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


@dataclass(frozen=True)
class Prepared:
    """Scenario with a measuring function for each build."""

    name: str
    measures: Mapping[str, Callable[[], Row]]


def compare(
    ours: Build, theirs: Build, *, folder: Path, only: Sequence[str], rounds: int, seconds: float, screen: Console
) -> list[Compared]:
    """Measure the selected scenarios on both builds alternately. Raises BenchmarkFailed, ServerFailed."""
    found: dict[str, Compared] = {}
    for part, (first, second) in enumerate([(ours, theirs), (theirs, ours)]):
        below = folder / str(part)
        with run_build(first, below / "first") as one, run_build(second, below / "second") as two:
            own, other = (one, two) if first is ours else (two, one)
            chosen = [each for each in _scenarios(own, other, seconds) if any(name in each.name for name in only)]
            if not chosen:
                raise BenchmarkFailed(f"no scenario name contains {' or '.join(only)}")
            for each in chosen:
                compared = found.setdefault(each.name, Compared(each.name))
                _measure(each, own.name, other.name, (rounds + 1 - part) // 2, compared)
    for compared in found.values():
        figure = next(iter(compared.ours[0]))
        interval = compared.interval(figure)
        screen.print(
            f"{compared.name}: {figure} × {interval.median:.3f} ({interval.lower:.3f} to {interval.upper:.3f})"
        )
    return list(found.values())


def table(found: Iterable[Compared], ours: Build, theirs: Build) -> Table:
    """Return a table of the figures of both builds, their ratios and intervals."""
    shown = Table("scenario", "figure", ours.name, theirs.name, "ratio", "95 % interval")
    for each in found:
        for number, figure in enumerate(each.ours[0]):
            interval, (own, other) = each.interval(figure), each.medians(figure)
            bounds = f"{interval.lower:.3f} to {interval.upper:.3f}"
            name = "" if number else each.name
            shown.add_row(name, figure, f"{own:,.2f}", f"{other:,.2f}", f"{interval.median:.3f}", bounds)
    return shown


def _measure(scenario: Prepared, own: str, other: str, rounds: int, found: Compared) -> None:
    pace = PaceMonitor()
    for number in range(-1, rounds):  # the first round warms up
        rows: dict[str, Row] = {}
        for name in (own, other) if number % 2 else (other, own):
            pace.wait()
            rows[name] = scenario.measures[name]()
        if number >= 0:
            found.ours.append(rows[own])
            found.theirs.append(rows[other])


def _scenarios(own: RunningBuild, other: RunningBuild, seconds: float) -> Iterable[Prepared]:
    documents = {"no-op": workflows.no_op(), "one function": workflows.one_function()}
    documents |= {"four functions": workflows.four_ways(), "ten blocks": workflows.ten_blocks()}
    documents["stream"] = workflows.streaming(STREAM_MODEL)
    bodies = {"stream": workflows.stream_body()}
    targets = {
        build.name: {name: build.publish(document, bodies.get(name, "{}")) for name, document in documents.items()}
        for build in (own, other)
    }

    def sync(workflow: str, callers: int, pause_ms: int = 0) -> Prepared:
        name = f"sync {workflow}, {callers} callers" + (", pausing" if pause_ms else "")
        measures = {
            build.name: partial(_load, build, targets[build.name][workflow], callers, seconds, pause_ms)
            for build in (own, other)
        }
        return Prepared(name, measures)

    def stream(callers: int) -> Prepared:
        measures = {build.name: partial(_stream, targets[build.name]["stream"], callers) for build in (own, other)}
        return Prepared(f"stream, {callers} streams", measures)

    def queued(callers: int) -> Prepared:
        measures = {build.name: partial(_jobs, build, targets[build.name]["no-op"], callers) for build in (own, other)}
        return Prepared(f"queued jobs, {callers} callers", measures)

    yield from (sync("no-op", callers) for callers in (1, 32, 128))
    yield from (sync("no-op", callers, PAUSE_MS) for callers in (32, 128))
    yield from (sync(workflow, 32) for workflow in ("one function", "four functions", "ten blocks"))
    yield from (stream(callers) for callers in (1, 32))
    yield from (queued(callers) for callers in (1, 32))


def _load(build: RunningBuild, target: http_load.Target, callers: int, seconds: float, pause_ms: int) -> Row:
    before = build.cpu_seconds()
    found = http_load.measure(target, callers=callers, seconds=seconds, pause_ms=pause_ms)
    used = (build.cpu_seconds() - before) / found.requests * 1e6
    return {"per_second": found.per_second, "p50_ms": found.p50_ms, "p99_ms": found.p99_ms, "cpu_us": used}


def _jobs(build: RunningBuild, target: http_load.Target, callers: int) -> Row:
    jobs = min(JOBS, JOBS_OF_ONE * callers)
    before = build.cpu_seconds()
    row = asyncio.run(job_load.measure(target, jobs=jobs, callers=callers))
    return row | {"cpu_us": (build.cpu_seconds() - before) / jobs * 1e6}


def _stream(target: http_load.Target, callers: int) -> Row:
    times = max(1, 64 // callers)
    return asyncio.run(stream_load.measure(target, callers=callers, tokens=workflows.TOKENS, times=times))
