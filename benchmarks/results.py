"""What was measured: medians and spread, beside the baseline and the budget."""

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

import msgspec
from rich.table import Table

from benchmarks.budgets import BUDGETS

FOLDER: Final = Path(__file__).parent / "results"
LATEST: Final = FOLDER / "latest.json"
REFERENCE: Final = FOLDER / "reference.json"
LOSS: Final = 0.15
"""How much of a ratio may be lost against the reference."""


class Figure(msgspec.Struct, frozen=True):
    """One figure over all rounds."""

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Of the value of each round."""
        return cls(*(round(value, 3) for value in (statistics.median(values), min(values), max(values))))


class Scenario(msgspec.Struct, frozen=True):
    """The figures of one scenario, and which scenario they are held against."""

    baseline: str | None
    figures: dict[str, Figure]


class Results(msgspec.Struct, frozen=True):
    """One run of the benchmarks."""

    machine: dict[str, str | int | None]
    rounds: int
    scenarios: dict[str, Scenario]

    @classmethod
    def of(cls, rounds: Mapping[str, Sequence[Mapping[str, float]]], baselines: Mapping[str, str | None]) -> Self:
        """From the rows of each scenario."""
        machine = {"cores": os.cpu_count(), "platform": platform.platform(), "python": platform.python_version()}
        scenarios = {
            name: Scenario(baselines[name], {figure: Figure.of([row[figure] for row in rows]) for figure in rows[0]})
            for name, rows in rounds.items()
        }
        return cls(machine, max(map(len, rounds.values())), scenarios)

    @classmethod
    def read(cls, path: Path) -> Self:
        """As `write` left it."""
        return msgspec.json.decode(path.read_bytes(), type=cls)

    def write(self, path: Path) -> None:
        """Keep it."""
        path.write_text(json.dumps(msgspec.to_builtins(self), indent=2) + "\n")

    def baseline(self, name: str, figure: str) -> float | None:
        """The same figure of the scenario's baseline."""
        against = self.scenarios.get(self.scenarios[name].baseline or "")
        return against.figures[figure].median if against and figure in against.figures else None

    def ratio(self, name: str, figure: str) -> float | None:
        """How many times the baseline's figure it is."""
        baseline = self.baseline(name, figure)
        return self.scenarios[name].figures[figure].median / baseline if baseline else None

    def losses(self, reference: "Results") -> list[str]:
        """What is worse against its baseline than in `reference`, by more than LOSS."""
        found = []
        for name, figure in self._compared(reference):
            now, then = self.ratio(name, figure), reference.ratio(name, figure)
            if now is None or then is None:
                continue
            loss = 1 - now / then if figure.endswith("per_second") else 1 - then / now
            if loss > LOSS:
                found.append(f"{name}, {figure}: {now:.2f}× of its baseline, {then:.2f}× before")
        return found

    def _compared(self, reference: "Results") -> list[tuple[str, str]]:
        return [
            (name, figure)
            for name, scenario in self.scenarios.items()
            for figure in scenario.figures
            if name in reference.scenarios and figure in reference.scenarios[name].figures and "p99" not in figure
        ]

    def table(self) -> Table:
        """For people."""
        table = Table("scenario", "figure", "median", "min", "max", "× baseline", "budget", "")
        for name, scenario in self.scenarios.items():
            for number, (figure, values) in enumerate(scenario.figures.items()):
                ratio, budget = self.ratio(name, figure), BUDGETS.get((name, figure))
                kept = budget and ("kept" if budget.holds(values.median, self.baseline(name, figure)) else "MISSED")
                table.add_row(
                    "" if number else name,
                    figure,
                    *(f"{value:,.2f}" for value in (values.median, values.min, values.max)),
                    f"{ratio:.2f}" if ratio else "",
                    str(budget or ""),
                    kept or "",
                )
        return table
