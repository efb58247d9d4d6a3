"""Scenarios and groups."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

Row = dict[str, float]
"""Figures of one round, by name."""


@dataclass(frozen=True)
class Scenario:
    """Scenario: `run` measures one round, `baseline` names the scenario to compare with."""

    name: str
    run: Callable[[], Row]
    baseline: str | None = None


@dataclass(frozen=True)
class Group:
    """Scenarios whose rounds are interleaved, so that machine noise affects all of them.

    `around` prepares the testbed for the group. `once` skips warm-up and repetition, for constant figures.
    """

    scenarios: tuple[Scenario, ...]
    around: Callable[[], AbstractContextManager[object]] = nullcontext
    once: bool = False
