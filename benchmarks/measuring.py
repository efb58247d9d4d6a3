"""Rounds of scenarios: neighbours take turns, a failure is noted and passed over, what was measured is kept at once.

Each begins at a moment at which the machine is not slowed down by others, where one comes soon, and is done again where
they disturbed it.
"""

import time
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from benchmarks.machine import Machine
from benchmarks.pace import Quiet
from benchmarks.results import Results, results_of
from benchmarks.scenarios.scenario import Group, Row, Scenario
from benchmarks.stolen import Undisturbed
from shared.garbage import collect_seldom


class Measuring:
    """Measures groups one after the other; after `minutes` each further group gets one round only."""

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
        self._quiet = Quiet()
        self._undisturbed = Undisturbed(time.monotonic, self._quiet.slowness)

    @property
    def results(self) -> Results:
        """All that was measured until now."""
        return results_of(
            self._machine, self._rows, self._baselines, self._failed, self._paces, self._undisturbed.shares
        )

    def measure(self, groups: Iterable[Group]) -> Results:
        """Measure them all. Never raises for what goes wrong inside one."""
        for group in groups:
            self._rows |= {each.name: [] for each in group.scenarios}
            self._baselines |= {each.name: each.baseline for each in group.scenarios}
            try:
                with group.around():
                    self._take_turns(group)
            except Exception as error:
                self._note(group.scenarios, error)
            self.results.write(self._file)
            self._tell(group.scenarios)
        return self.results

    def _take_turns(self, group: Group) -> None:
        late = self._elapsed() > self._minutes * 60
        rounds = 1 if group.once or late else self._rounds
        for number in range(0 if group.once else -1, rounds):
            for each in group.scenarios:
                if each.name not in self._failed:
                    self._measure(each, counts=number >= 0, may_repeat=number >= 0 and not group.once)

    def _measure(self, scenario: Scenario, *, counts: bool, may_repeat: bool) -> None:
        run = partial(self._at_a_quiet_moment, scenario)
        try:
            row = self._undisturbed.measured(run) if may_repeat else run()
        except Exception as error:
            self._note((scenario,), error)
            return
        if counts:
            self._rows[scenario.name].append(row)

    def _at_a_quiet_moment(self, scenario: Scenario) -> Row:
        collect_seldom()  # else the measure itself stands still now and then
        self._paces.append(self._quiet.wait())
        return scenario.run()

    def _note(self, scenarios: Sequence[Scenario], error: Exception) -> None:
        problem = f"{type(error).__name__}: {error}"
        self._failed |= {each.name: problem for each in scenarios}

    def _tell(self, scenarios: Sequence[Scenario]) -> None:
        results = self.results
        for each in scenarios:
            measured = results.scenarios.get(each.name)
            figures = list(measured.figures.items())[:3] if measured else []
            text = "  ".join(f"{name} {figure.median:,.2f}" for name, figure in figures)
            self._console.print(f"{self._elapsed():6.0f} s  {each.name:58}  {self._failed.get(each.name) or text}")

    def _elapsed(self) -> float:
        return time.monotonic() - self._began
