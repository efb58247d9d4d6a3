"""Figures that judge a scenario."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.runner.scene import Scene


@dataclass(frozen=True)
class Figure:
    """A number and its limit; without a limit it only informs."""

    what: str
    value: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the number is within its limit."""
        is_low_enough = self.at_most is None or self.value <= self.at_most
        return is_low_enough and (self.at_least is None or self.value >= self.at_least)

    @property
    def shown(self) -> str:
        """The number for people."""
        return f"{self.value:,.2f}".removesuffix(".00") + (f" {self.unit}" if self.unit else "")

    @property
    def bound(self) -> str:
        """The limit for people."""
        bounds = [
            f"{sign} {bound:g}" for sign, bound in (("≤", self.at_most), ("≥", self.at_least)) if bound is not None
        ]
        return ", ".join(bounds)


@dataclass(frozen=True)
class Scenario:
    """A scenario by its name; `fault` describes the fault."""

    name: str
    fault: str
    run: "Callable[[Scene], Awaitable[Sequence[Figure]]]"


@dataclass(frozen=True)
class Result:
    """Result of a scenario; `problem` is why there are no figures, `conditions` how it was run."""

    name: str
    fault: str
    at: str
    machine: str
    conditions: str
    seconds: float
    figures: tuple[Figure, ...] = ()
    problem: str = ""

    @property
    def holds(self) -> bool:
        """Whether all figures are within their limits."""
        return not self.problem and all(figure.holds for figure in self.figures)
