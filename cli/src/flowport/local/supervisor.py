"""Restarts the processes of `flowport stack` that end unexpectedly."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flowport.errors import CommandFailed

FIRST_DELAY_SECONDS: Final = 1.0
LONGEST_DELAY_SECONDS: Final = 60.0
STABLE_SECONDS: Final = 60.0
"""A process that ran for this long starts again without a longer delay."""


@dataclass(frozen=True)
class Child:
    """A process to keep running. `launch` starts it again; it raises CommandFailed if it exits immediately."""

    name: str
    log: Path
    is_running: Callable[[], bool]
    launch: Callable[[], None]


@dataclass
class _State:
    launched_at: float
    delay: float = FIRST_DELAY_SECONDS
    due_at: float | None = None


class Supervisor:
    """Restarts each child that ended, after a delay that doubles up to a minute while the child keeps ending.

    `report` gets what happened and a detail. Children start in their order: those that others need come first.
    """

    def __init__(
        self,
        children: Sequence[Child],
        report: Callable[[str, str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._children = children
        self._report = report
        self._clock = clock
        self._states = {child.name: _State(clock()) for child in children}

    def check(self) -> None:
        """Restart the children whose delay has passed. Call it often; it blocks while a server starts."""
        for child in self._children:
            state = self._states[child.name]
            if state.due_at is not None:
                if self._clock() >= state.due_at:
                    self._restart(child, state)
            elif not child.is_running():
                self._schedule(child, state)

    def _schedule(self, child: Child, state: _State) -> None:
        now = self._clock()
        if now - state.launched_at >= STABLE_SECONDS:
            state.delay = FIRST_DELAY_SECONDS
        state.due_at = now + state.delay
        self._report(f"{child.name} ended", f"restarting in {state.delay:g} s; see {child.log}")
        state.delay = min(2 * state.delay, LONGEST_DELAY_SECONDS)

    def _restart(self, child: Child, state: _State) -> None:
        state.due_at = None
        try:
            child.launch()
        except CommandFailed as error:
            self._report(f"{child.name} did not start", str(error))
        else:
            self._report(f"{child.name} restarted", "")
        state.launched_at = self._clock()
