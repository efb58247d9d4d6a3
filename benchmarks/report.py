"""Results as tables in the terminal."""

from typing import Final

from rich.table import Column, Table

from benchmarks.budgets import BUDGETS
from benchmarks.results import Results

CPU: Final = "_cpu_us"


def figures(results: Results) -> Table:
    """Return every figure with its spread and ratio."""
    table = Table("scenario", "figure", *_right("median", "min", "max", "× baseline"), title="Figures")
    for name, scenario in results.scenarios.items():
        shown = {figure: values for figure, values in scenario.figures.items() if not figure.endswith(CPU)}
        for number, (figure, values) in enumerate(shown.items()):
            ratio = results.ratio(name, figure)
            numbers = (f"{value:,.2f}" for value in (values.median, values.min, values.max))
            table.add_row("" if number else name, figure, *numbers, f"{ratio:.2f}" if ratio else "")
    return table


def processor_time(results: Results) -> Table:
    """Return the CPU time of each service per run."""
    metered = {name: _cpu(results, name) for name in results.scenarios}
    services = list(dict.fromkeys(service for each in metered.values() for service in each))
    table = Table("CPU µs per run", *_right(*services, "all"))
    for name, used in metered.items():
        if used:
            table.add_row(name, *(f"{used.get(service, 0):,.0f}" for service in services), f"{sum(used.values()):,.0f}")
    return table


def budgets(results: Results) -> Table:
    """Return every budget: met, missed or not measured."""
    table = Table("budget", "scenario", "bound", *_right("measured"), "", title="Budgets")
    for budget in BUDGETS:
        measured = budget.measured(results)
        verdict = "not measured" if measured is None else "met" if budget.holds(measured) else "MISSED"
        value = "" if measured is None else f"{measured:,.2f}"
        table.add_row(budget.what, budget.scenario, budget.rule(results), value, verdict)
    return table


def _right(*headers: str) -> list[Column]:
    return [Column(header, justify="right") for header in headers]


def _cpu(results: Results, name: str) -> dict[str, float]:
    found = results.scenarios[name].figures
    return {figure.removesuffix(CPU): values.median for figure, values in found.items() if figure.endswith(CPU)}
