"""docs/operations/capacity.md: sizing of each service, from the measured cost of a run."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from benchmarks.pages.markdown import number, page, section, table
from benchmarks.results import LATEST, Results
from benchmarks.scale import Curve, read_curves
from benchmarks.scenarios.runs import EXECUTORS

HEAD: Final = """\
# Capacity

Written by `make docs` from `benchmarks/results`, which `make bench-all` measures. [Scaling](scaling.md) describes how
each part scales; [results](../../benchmarks/results/README.md) has every figure.
"""
WORK: Final[Mapping[str, str]] = {
    "sync, ten blocks, 32 callers": "a sync run of ten blocks",
    "sync, one function, 32 callers": "a sync run with a step of JavaScript",
    "200 tokens of a model, 32 streams": "a stream of 200 tokens from a model",
    "async, 1 executors": "a queued run",
}
SERVICES: Final = ("gateway", "executor-service", "jobs-service", "deploy-service", "store", "broker")
RATES: Final = (10, 100, 1_000, 10_000)
BUSY: Final = 0.6
"""Target CPU utilization, with headroom for peaks and the loss of a machine."""
FLAT: Final = 1.25
GROWING: Final = """\
A page of failed runs grows because with one stored run there is no failed one. Pages of runs are read right after a
burst of a thousand runs per second. The point of one million runs was measured right after the insertion of 900,000
documents, and includes its aftermath."""


def capacity_page() -> str:
    """Return the page."""
    if not LATEST.exists():
        return page(HEAD, "No results yet.")
    results = Results.read(LATEST)
    return page(
        HEAD,
        f"Measured {results.machine}. Callers, services, RabbitMQ and SecantusDB shared this machine.",
        section("Cost of a run", "CPU time of each service per run, in µs:", _costs(results)),
        section(
            "Cores per service",
            f"Cores for each rate, at a utilization of {BUSY:.0%}. A process uses one core: "
            "round up to get the number of replicas, and run at least two. Models and "
            "user code are not included.",
            *(_cores(results, scenario, title) for scenario, title in WORK.items()),
        ),
        section("Memory", *_memory(results)),
        section("Measured throughput", _reached(results), queued_runs(results)),
        section("Growth with stored data", *_growth(read_curves())),
    )


def _cost(results: Results, scenario: str, service: str) -> float | None:
    figure = results.figure(scenario, f"{service}_cpu_us")
    return figure.median if figure else None


def _costs(results: Results) -> str:
    measured = {title: [_cost(results, name, service) for service in SERVICES] for name, title in WORK.items()}
    rows = (
        [title, *("" if cost is None else number(cost) for cost in costs)]
        for title, costs in measured.items()
        if any(costs)
    )
    return table(["", *SERVICES], rows)


def _cores(results: Results, scenario: str, title: str) -> str:
    costs = [_cost(results, scenario, service) for service in SERVICES]
    if not any(costs):
        return ""
    rows = ([f"{rate:,}", *(_cores_for(rate, cost) for cost in costs)] for rate in RATES)
    return f"{title[0].upper()}{title[1:]}:\n\n" + table(["runs/s", *SERVICES], rows)


def _cores_for(rate: float, cost_us: float | None) -> str:
    cores = (cost_us or 0) * rate / 1e6 / BUSY
    return f"{math.ceil(cores):,}" if cores >= 10 else f"{math.ceil(cores * 10) / 10:g}"


def _memory(results: Results) -> Iterator[str]:
    idle = results.scenarios.get("resident memory, idle")
    if idle:
        yield "Resident memory of a process before its first run, in MiB:"
        yield table(
            ["", "MiB"],
            ([name.removesuffix("_mib"), number(figure.median)] for name, figure in idle.figures.items()),
        )
    full = {name: each for name, each in results.scenarios.items() if "idle streams" in name}
    for name, measured in full.items():
        costs = {figure: value.median for figure, value in measured.figures.items() if figure.endswith("per_stream")}
        text = ", ".join(f"{number(kib)} KiB of the {figure.split('_')[0]}" for figure, kib in costs.items())
        yield f"With {name.partition(', and')[0]} open, each stream takes {text}."


def _reached(results: Results) -> str:
    wanted = (
        *((f"sync no-op, {callers} callers", "per_second", "runs/s") for callers in (1, 32, 128)),
        ("200 tokens, 32 streams", "tokens_per_second", "tokens/s"),
        *((f"async, {count} executors", "accepted_per_second", "jobs accepted/s") for count in EXECUTORS[:1]),
        *((f"async, {count} executors", "completed_per_second", "jobs done/s") for count in EXECUTORS),
    )
    rows = []
    for scenario, name, unit in wanted:
        figure, ratio = results.figure(scenario, name), results.ratio(scenario, name)
        if figure:
            against = f"{ratio:.2f} × {results.baseline_of(scenario)}" if ratio else ""
            rows.append([scenario, f"{number(figure.median)} {unit}", against])
    return table(["", "median", "against"], rows)


def queued_runs(results: Results) -> str:
    """Return the computed and the measured rate of queued runs, or nothing if either is unknown."""
    costs = {service: _cost(results, f"async, {EXECUTORS[0]} executors", service) or 0 for service in SERVICES}
    done = {count: results.figure(f"async, {count} executors", "completed_per_second") for count in EXECUTORS}
    reached = {count: figure.median for count, figure in done.items() if figure}
    total, cores = sum(costs.values()), results.machine.cores
    if not total or not reached:
        return ""
    rates = ", ".join(f"{number(rate)} at {count}" for count, rate in reached.items())
    return (
        f"A queued run takes {number(total)} µs of CPU time in total, so {cores} otherwise idle cores complete at most "
        f"{number(cores * 1e6 / total)} runs/s. Measured by number of executors, with the callers on the same cores: "
        f"{rates}."
    )


def _growth(curves: Mapping[str, Curve]) -> Iterator[str]:
    rows = [row for curve in curves.values() for row in _grown(curve)]
    yield table(["along", "from", "to", "CPU µs per run or page, from", "to", "×", ""], rows)
    yield GROWING


def _grown(curve: Curve) -> Iterator[Sequence[str]]:
    if len(curve.points) < 2:
        return
    (first, before), *_, (last, after) = curve.points.items()
    figures = ["cpu_us_per_block"] if "cpu_us_per_block" in before else [each for each in before if "cpu_us" in each]
    for figure in figures:
        ratio = after[figure] / before[figure] if before[figure] else 1.0
        verdict = "flat" if ratio <= FLAT else "grows"
        shown = (number(before[figure]), number(after[figure]), f"{ratio:.2f}")
        yield [f"{curve.along}: {figure}", f"{int(first):,}", f"{int(last):,}", *shown, verdict]
