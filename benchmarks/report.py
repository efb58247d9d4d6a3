"""Results as Markdown: benchmarks/results/README.md, and what `python -m benchmarks` prints."""

from collections.abc import Iterator
from typing import Final

from benchmarks import soak
from benchmarks.budgets import BUDGETS
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


def results_page() -> str:
    """Return the page of the committed results."""
    measured = results_sections(Results.read(LATEST)) if LATEST.exists() else ""
    return page(HEAD, measured, soak.soak_section())


def results_sections(results: Results) -> str:
    """Return budgets, figures and failures."""
    pace = results.pace_ms
    budgets = ([each.what, each.scenario, each.rule(results), *each.verdict(results)] for each in BUDGETS)
    return page(
        f"Measured {results.machine}.",
        PACE.format(number(pace.min), number(pace.max), number(pace.median)) if pace else "",
        section("Budgets", table(("budget", "scenario", "bound", "measured", ""), budgets)),
        section("Figures", table(("scenario", "figure", "median", "min", "max", "× baseline"), _figure_rows(results))),
        section("Failed", *(f"- {name}: {problem}" for name, problem in results.failed.items())),
    )


def _figure_rows(results: Results) -> Iterator[list[str]]:
    for name, scenario in results.scenarios.items():
        for figure, values in scenario.figures.items():
            if not figure.endswith("_cpu_us"):
                ratio = results.ratio(name, figure)
                numbers = map(number, (values.median, values.min, values.max))
                yield [name, figure, *numbers, f"{ratio:.2f}" if ratio else ""]
