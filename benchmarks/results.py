"""Results: rounds, medians, spread and ratios to the baseline."""

import json
import statistics
from collections.abc import Sequence
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

    @classmethod
    def of(cls, baseline: str | None, rows: Sequence[dict[str, float]]) -> Self:
        """Return the figures of the row of each round."""
        return cls(baseline, {figure: Figure.of([row[figure] for row in rows]) for figure in rows[0]})


class Results(msgspec.Struct):
    """Results of one benchmark run. `failed` has the error of each failed scenario."""

    machine: Machine
    scenarios: dict[str, Measured] = {}
    failed: dict[str, str] = {}
    pace_ms: Figure | None = None
    """Duration of the fixed piece of work before each measurement."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read results from a file."""
        return msgspec.json.decode(path.read_bytes(), type=cls)

    def figure(self, name: str, figure: str) -> Figure | None:
        """Return a figure of a scenario, or None if it was not measured."""
        return self.scenarios[name].figures.get(figure) if name in self.scenarios else None

    def baseline_of(self, name: str) -> str | None:
        """Return the baseline of a scenario."""
        return self.scenarios[name].baseline if name in self.scenarios else None

    def ratio(self, name: str, figure: str) -> float | None:
        """Return the ratio to the baseline: the median of the ratios of all rounds."""
        ours, theirs = self.figure(name, figure), self.figure(self.baseline_of(name) or "", figure)
        if ours is None or theirs is None:
            return None
        ratios = [own / other for own, other in zip(ours.rounds, theirs.rounds, strict=False) if other]
        return statistics.median(ratios) if ratios else None


def write_json(path: Path, results: object) -> None:
    """Write results as indented JSON."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(msgspec.to_builtins(results), indent=1) + "\n")
