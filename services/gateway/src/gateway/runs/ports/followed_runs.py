"""Runs that go on without their readers."""

from collections.abc import Sequence
from typing import Protocol

from shared.contracts.event_log import EventPosition
from shared.contracts.events import RunEvent
from shared.contracts.runs import RunSpec
from shared.errors import FlowportError

Numbered = tuple[EventPosition, RunEvent]


class FollowedRun(Protocol):
    """One reader's view of a run that goes on without him."""

    @property
    def run_id(self) -> str: ...

    async def take(self) -> Sequence[Numbered]:
        """The events since the last call, waiting for at least one; none once the run is over, or paused.

        Raises StreamBroken, CallerGone, NotFound, Unavailable.
        """
        ...

    def cut_off(self, error: FlowportError) -> None:
        """The reader lost its access: `take` raises `error`. The run goes on."""
        ...

    def hang_up(self) -> None:
        """The reader is gone, or has seen the end. The run goes on."""
        ...


class FollowedRuns(Protocol):
    """Brings the events of durable runs to those who read them, on whichever process they are."""

    @property
    def address(self) -> str | None:
        """Where workers send events for the readers of this process; None while the broker is away."""
        ...

    def expect(self, run: RunSpec) -> FollowedRun:
        """Follow a run that is about to be stored, with `address` as its listener. Raises Unavailable."""
        ...

    async def follow(self, workspace_id: str, run_id: str) -> FollowedRun:
        """Follow a run from its beginning, at whatever stage it is. Raises Unavailable."""
        ...
