"""Runner of scenarios: interleaves the scenarios of a group, records failures, and stores results after each group."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from rich.console import Console

from benchmarks.machine import Machine, PaceMonitor
from benchmarks.results import Figure, Measured, Results, write_json
from benchmarks.scenarios.scenario import Group, Row, Scenario
from shared.garbage_collection import raise_gc_threshold


def run_scenarios(groups: Iterable[Group], file: Path, *, rounds: int, console: Console) -> Results:
    """Measure all groups, and store the results after each. Errors of scenarios are recorded, not raised."""
    pace, results = PaceMonitor(), Results(Machine.now())
    for group in groups:
        rows: dict[str, list[Row]] = {each.name: [] for each in group.scenarios}
        try:
            with group.around():
                for _ in range(1 if group.once else rounds + 1):
                    _run_round(group.scenarios, rows, results.failed, pace)
        except Exception as error:
            results.failed.update(dict.fromkeys(rows, f"{type(error).__name__}: {error}"))
        for each in group.scenarios:
            counted = rows[each.name][0 if group.once else 1 :]  # the first round warms up
            if counted:
                results.scenarios[each.name] = Measured.of(each.baseline, counted)
            figures = "  ".join(f"{figure} {value:,.2f}" for row in counted[-1:] for figure, value in row.items())
            console.print(f"{each.name:58}  {results.failed.get(each.name, figures)}")
        results.pace_ms = Figure.of(pace.samples)
        write_json(file, results)
    return results


def _run_round(
    scenarios: Iterable[Scenario], rows: Mapping[str, list[Row]], failed: dict[str, str], pace: PaceMonitor
) -> None:
    for each in scenarios:
        if each.name in failed:
            continue
        raise_gc_threshold()  # avoids pauses of the measuring process
        pace.wait()
        try:
            rows[each.name].append(each.run())
        except Exception as error:
            failed[each.name] = f"{type(error).__name__}: {error}"
