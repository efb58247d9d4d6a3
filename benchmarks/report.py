"""Results as tables in the terminal, and their rows for the pages."""

from collections.abc import Iterator
from typing import Final

from rich.table import Column, Table

from benchmarks.budgets import BUDGETS
from benchmarks.pages.markdown import number
from benchmarks.results import Results

CPU: Final = "_cpu_us"
FIGURES: Final = ("scenario", "figure", "median", "min", "max", "× baseline")
BUDGET: Final = ("budget", "scenario", "bound", "measured", "")


def figure_rows(results: Results) -> Iterator[list[str]]:
    """Yield every figure with its spread and ratio."""
    for name, scenario in results.scenarios.items():
        for figure, values in scenario.figures.items():
            if not figure.endswith(CPU):
                ratio = results.ratio(name, figure)
                numbers = map(number, (values.median, values.min, values.max))
                yield [name, figure, *numbers, f"{ratio:.2f}" if ratio else ""]


def budget_rows(results: Results) -> Iterator[list[str]]:
    """Yield every budget: met, missed or not measured."""
    for budget in BUDGETS:
        measured = budget.measured(results)
        verdict = "not measured" if measured is None else "met" if budget.holds(measured) else "**missed**"
        shown = "" if measured is None else number(measured)
        yield [budget.what, budget.scenario, budget.rule(results), shown, verdict]


def tables(results: Results) -> Iterator[Table]:
    """Yield the figures, the CPU time of each service per run, and the budgets."""
    metered = {name: _cpu(results, name) for name in results.scenarios}
    services = list(dict.fromkeys(service for each in metered.values() for service in each))
    times = (
        [name, *(f"{used.get(service, 0):,.0f}" for service in services), f"{sum(used.values()):,.0f}"]
        for name, used in metered.items()
        if used
    )
    yield _table("Figures", FIGURES, figure_rows(results))
    yield _table("CPU time", ("CPU µs per run", *services, "all"), times)
    yield _table("Budgets", BUDGET, budget_rows(results))


def _table(title: str, heads: tuple[str, ...], rows: Iterator[list[str]]) -> Table:
    table = Table(heads[0], *(Column(head, justify="right") for head in heads[1:]), title=title)
    for row in rows:
        table.add_row(*row)
    return table


def _cpu(results: Results, name: str) -> dict[str, float]:
    found = results.scenarios[name].figures
    return {figure.removesuffix(CPU): values.median for figure, values in found.items() if figure.endswith(CPU)}
