"""What a scenario is, and how much of it is asked for."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

Row = dict[str, float]
"""What one round gives, by the name of the figure."""


@dataclass(frozen=True)
class Options:
    """How much is measured."""

    seconds: float
    callers: tuple[int, ...]
    streams: tuple[int, ...]
    jobs: int
    idle_streams: int


@dataclass(frozen=True)
class Scenario:
    """`run` measures one round; `baseline` names the scenario that it is held against."""

    name: str
    run: Callable[[], Row]
    baseline: str | None = None


@dataclass(frozen=True)
class Group:
    """Scenarios that take turns, round by round, so that a noisy machine is noisy for all of them.

    `around` is how the stand has to be meanwhile. What needs no warm-up and says the same each time is measured `once`.
    """

    scenarios: tuple[Scenario, ...]
    around: Callable[[], AbstractContextManager[object]] = nullcontext
    once: bool = False
