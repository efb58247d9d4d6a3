"""Runner of scenarios: interleaves the scenarios of a group, records failures, and stores results after each group.

Each measurement waits for a quiet machine for a bounded time, and is repeated after interference.
"""

import time
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from benchmarks.interference import InterferenceFilter, PaceMonitor
from benchmarks.machine import Machine
from benchmarks.results import Results, build_results
from benchmarks.scenarios.scenario import Group, Row, Scenario
from shared.garbage_collection import raise_gc_threshold


class ScenarioRunner:
    """Measures groups in sequence. After `minutes`, each further group gets one round."""

    def __init__(self, console: Console, file: Path, *, rounds: int, minutes: float) -> None:
        self._console = console
        self._file = file
        self._rounds = rounds
        self._began = time.monotonic()
        self._minutes = minutes
        self._machine = Machine.now()
        self._rows: dict[str, list[Row]] = {}
        self._baselines: dict[str, str | None] = {}
        self._failed: dict[str, str] = {}
        self._paces: list[float] = []
        self._pace_monitor = PaceMonitor()
        self._interference = InterferenceFilter(time.monotonic, self._pace_monitor.slowness)

    @property
    def results(self) -> Results:
        """Return the results so far."""
        return build_results(
            self._machine, self._rows, self._baselines, self._failed, self._paces, self._interference.shares
        )

    def measure(self, groups: Iterable[Group]) -> Results:
        """Measure all groups. Errors of scenarios are recorded, not raised."""
        for group in groups:
            self._rows |= {each.name: [] for each in group.scenarios}
            self._baselines |= {each.name: each.baseline for each in group.scenarios}
            try:
                with group.around():
                    self._run_rounds(group)
            except Exception as error:
                self._record_failure(group.scenarios, error)
            self.results.write(self._file)
            self._print(group.scenarios)
        return self.results

    def _run_rounds(self, group: Group) -> None:
        late = self._elapsed() > self._minutes * 60
        rounds = 1 if group.once or late else self._rounds
        for number in range(0 if group.once else -1, rounds):
            for each in group.scenarios:
                if each.name not in self._failed:
                    self._measure(each, counts=number >= 0, may_repeat=number >= 0 and not group.once)

    def _measure(self, scenario: Scenario, *, counts: bool, may_repeat: bool) -> None:
        run = partial(self._run_when_quiet, scenario)
        try:
            row = self._interference.measure(run) if may_repeat else run()
        except Exception as error:
            self._record_failure((scenario,), error)
            return
        if counts:
            self._rows[scenario.name].append(row)

    def _run_when_quiet(self, scenario: Scenario) -> Row:
        raise_gc_threshold()  # avoids pauses of the measuring process
        self._paces.append(self._pace_monitor.wait())
        return scenario.run()

    def _record_failure(self, scenarios: Sequence[Scenario], error: Exception) -> None:
        problem = f"{type(error).__name__}: {error}"
        self._failed |= {each.name: problem for each in scenarios}

    def _print(self, scenarios: Sequence[Scenario]) -> None:
        results = self.results
        for each in scenarios:
            measured = results.scenarios.get(each.name)
            figures = list(measured.figures.items())[:3] if measured else []
            text = "  ".join(f"{name} {figure.median:,.2f}" for name, figure in figures)
            self._console.print(f"{self._elapsed():6.0f} s  {each.name:58}  {self._failed.get(each.name) or text}")

    def _elapsed(self) -> float:
        return time.monotonic() - self._began
