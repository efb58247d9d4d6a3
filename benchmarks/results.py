"""Results: rounds, medians, spread and ratios to the baseline."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

import msgspec

from benchmarks.machine import Machine

FOLDER: Final = Path(__file__).parent / "results"
LATEST: Final = FOLDER / "latest.json"
TRIAL: Final = FOLDER / "trial.json"
"""Partial or interrupted results. Not committed."""


class Figure(msgspec.Struct, frozen=True):
    """A figure over all rounds."""

    median: float
    min: float
    max: float
    rounds: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Return the figure of the value of each round."""
        rounds = tuple(round(value, 3) for value in values)
        return cls(statistics.median(rounds), min(rounds), max(rounds), rounds)


class Measured(msgspec.Struct, frozen=True):
    """Figures of one scenario, and the name of its baseline."""

    baseline: str | None
    figures: dict[str, Figure]


class Results(msgspec.Struct, frozen=True):
    """Results of one benchmark run. `failed` has the error of each failed scenario."""

    machine: Machine
    scenarios: dict[str, Measured]
    failed: dict[str, str]
    pace_ms: Figure | None = None
    """Duration of the fixed piece of work before each measurement."""
    stolen: Figure | None = None
    """CPU steal of each measurement."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read results from a file."""
        return msgspec.json.decode(path.read_bytes(), type=cls)

    def write(self, path: Path) -> None:
        """Write the results to a file."""
        write_json(path, self)

    def figure(self, name: str, figure: str) -> Figure | None:
        """Return a figure of a scenario, or None if it was not measured."""
        scenario = self.scenarios.get(name)
        return scenario.figures.get(figure) if scenario else None

    def baseline_of(self, name: str) -> str | None:
        """Return the baseline of a scenario."""
        return self.scenarios[name].baseline if name in self.scenarios else None

    def ratio(self, name: str, figure: str, against: str | None = None) -> float | None:
        """Return the ratio to the baseline: the median of the ratios of all rounds."""
        ours = self.figure(name, figure)
        theirs = self.figure(against or self.baseline_of(name) or "", figure)
        if ours is None or theirs is None:
            return None
        ratios = [own / other for own, other in zip(ours.rounds, theirs.rounds, strict=False) if other]
        return statistics.median(ratios) if ratios else None


def build_results(
    machine: Machine,
    rows: Mapping[str, Sequence[Mapping[str, float]]],
    baselines: Mapping[str, str | None],
    failed: Mapping[str, str],
    paces: Sequence[float] = (),
    stolen: Sequence[float] = (),
) -> Results:
    """Build results from the rows of each scenario."""
    scenarios = {
        name: Measured(baselines[name], {figure: Figure.of([row[figure] for row in found]) for figure in found[0]})
        for name, found in rows.items()
        if found
    }
    pace_ms, taken = (Figure.of(each) if each else None for each in (paces, stolen))
    return Results(machine, scenarios, dict(failed), pace_ms, taken)


def write_json(path: Path, results: msgspec.Struct) -> None:
    """Write results as indented JSON."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(msgspec.to_builtins(results), indent=1) + "\n")
