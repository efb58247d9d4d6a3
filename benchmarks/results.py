"""What was measured: each round, medians and spread, beside the baseline of the same round."""

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Self

import msgspec

from benchmarks.machine import Machine

FOLDER: Final = Path(__file__).parent / "results"
LATEST: Final = FOLDER / "latest.json"
TRIAL: Final = FOLDER / "trial.json"
"""What was measured in part only, too seldom, or not to its end; nobody keeps it."""
REFERENCE: Final = FOLDER / "reference.json"
LOSS: Final = 0.15
"""How much of a ratio may be lost against the reference."""
HEADLINES: Final = ("per_second", "p50_ms", "first_token_ms", "us_per_block")
"""Figures that hold still enough to be compared: no tails, no CPU ticks."""


class Figure(msgspec.Struct, frozen=True):
    """One figure over all rounds."""

    median: float
    min: float
    max: float
    rounds: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Of the value of each round."""
        rounds = tuple(round(value, 3) for value in values)
        return cls(statistics.median(rounds), min(rounds), max(rounds), rounds)


class Measured(msgspec.Struct, frozen=True):
    """The figures of one scenario, and which scenario they are held against."""

    baseline: str | None
    figures: dict[str, Figure]


class Results(msgspec.Struct, frozen=True):
    """One run of the benchmarks; `failed` says why scenarios gave no figures."""

    machine: Machine
    scenarios: dict[str, Measured]
    failed: dict[str, str]
    pace_ms: Figure | None = None
    """How fast the machine was: what the same small piece of work took before each measurement."""
    stolen: Figure | None = None
    """What share of the processor time its host gave to others, in each measurement."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """As `write` left it."""
        return msgspec.json.decode(path.read_bytes(), type=cls)

    def write(self, path: Path) -> None:
        """Keep it."""
        write_json(path, self)

    def figure(self, name: str, figure: str) -> Figure | None:
        """One figure of one scenario, if it was measured."""
        scenario = self.scenarios.get(name)
        return scenario.figures.get(figure) if scenario else None

    def baseline_of(self, name: str) -> str | None:
        """What the scenario is held against."""
        return self.scenarios[name].baseline if name in self.scenarios else None

    def ratio(self, name: str, figure: str, against: str | None = None) -> float | None:
        """How many times the baseline's figure it is: the median of the rounds' ratios."""
        ours = self.figure(name, figure)
        theirs = self.figure(against or self.baseline_of(name) or "", figure)
        if ours is None or theirs is None:
            return None
        ratios = [own / other for own, other in zip(ours.rounds, theirs.rounds, strict=False) if other]
        return statistics.median(ratios) if ratios else None

    def losses(self, reference: "Results") -> list[str]:
        """What is worse against its baseline than in `reference`, by more than LOSS."""
        return list(self._losses(reference))

    def _losses(self, reference: "Results") -> Iterator[str]:
        for name, figure in self._headlines():
            now, then = self.ratio(name, figure), reference.ratio(name, figure)
            if now is None or then is None:
                continue
            loss = 1 - now / then if figure.endswith("per_second") else 1 - then / now
            if loss > LOSS:
                yield f"{name}, {figure}: {now:.2f}× of its baseline, {then:.2f}× in the reference"

    def _headlines(self) -> Iterator[tuple[str, str]]:
        for name, scenario in self.scenarios.items():
            yield from ((name, figure) for figure in scenario.figures if figure.endswith(HEADLINES))


def results_of(
    machine: Machine,
    rows: Mapping[str, Sequence[Mapping[str, float]]],
    baselines: Mapping[str, str | None],
    failed: Mapping[str, str],
    paces: Sequence[float] = (),
    stolen: Sequence[float] = (),
) -> Results:
    """From the rows of each scenario."""
    scenarios = {
        name: Measured(baselines[name], {figure: Figure.of([row[figure] for row in found]) for figure in found[0]})
        for name, found in rows.items()
        if found
    }
    pace_ms, taken = (Figure.of(each) if each else None for each in (paces, stolen))
    return Results(machine, scenarios, dict(failed), pace_ms, taken)


def write_json(path: Path, results: msgspec.Struct) -> None:
    """Keep results of any kind, readable."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(msgspec.to_builtins(results), indent=1) + "\n")
