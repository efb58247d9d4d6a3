"""benchmarks/results/README.md: all results."""

from collections.abc import Iterator
from typing import Final

import msgspec

from benchmarks import report, soak
from benchmarks.pages.markdown import number, page, section, table
from benchmarks.results import LATEST, Results

HEAD: Final = """\
# Results

Written by `make docs` from the JSON files in this folder. [The README](../README.md) explains them.
"""
PACE: Final = (
    "Before each measurement, a fixed piece of work took {} to {} ms (median {}); each measurement waits up to 3 s for "
    "a normal pace. The speed of a virtual machine varies: ratios between interleaved scenarios are reliable, absolute "
    "times are not."
)
STOLEN: Final = (
    "CPU steal during the measurements was {:.1%} to {:.1%} (median {:.1%}). [The README](../README.md) describes when "
    "a measurement is repeated."
)


def results_page() -> str:
    """Return the page."""
    return page(HEAD, *_benchmarks(), _soak())


def _benchmarks() -> Iterator[str]:
    if not LATEST.exists():
        return
    results = Results.read(LATEST)
    yield f"Measured {results.machine}."
    if (pace := results.pace_ms) is not None:
        yield PACE.format(number(pace.min), number(pace.max), number(pace.median))
    if (stolen := results.stolen) is not None:
        yield STOLEN.format(stolen.min, stolen.max, stolen.median)
    yield section("Budgets", table(report.BUDGET, report.budget_rows(results)))
    yield section("Figures", table(report.FIGURES, report.figure_rows(results)))
    yield section("Failed", *(f"- {name}: {problem}" for name, problem in results.failed.items()))


def _soak() -> str:
    if not soak.RESULTS.exists():
        return ""
    found = msgspec.json.decode(soak.RESULTS.read_bytes(), type=soak.Soak)
    rows = (
        [verdict.what, number(verdict.early), number(verdict.late), soak.verdict_text(verdict)]
        for verdict in found.verdicts
    )
    return section(
        "Soak",
        f"{found.minutes:g} minutes of mixed load, {found.per_second:g} calls per second. Measured {found.machine}.",
        table(["", "second quarter", "last quarter", ""], rows),
    )
