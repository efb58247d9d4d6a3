"""Ports of attached runs, and of durable runs that callers follow."""

from collections.abc import Sequence
from typing import Protocol

from shared.contracts.event_log import EventPosition
from shared.contracts.events import RunEvent
from shared.contracts.runs import RunOutcome, RunSpec
from shared.errors import FlowportError


class AttachedRun(Protocol):
    """Attached run."""

    @property
    def run_id(self) -> str: ...

    async def take(self) -> Sequence[RunEvent]:
        """Wait for at least one event, and return those since the last call; the last ever is RunEnded.

        Raises RunLost, StreamBroken, ReaderTooSlow, NotStarted, RunOverdue.
        """

    async def outcome(self) -> RunOutcome:
        """Return the run's outcome. Raises what `take` raises."""

    def end_with(self, error: FlowportError) -> None:
        """Drop unread events, raise `error` to a caller that lost access, and cancel the run."""

    def disconnect(self) -> None:
        """Cancel the run if it is not over: the caller disconnected or has seen the end."""


class AttachedRuns(Protocol):
    """Port that sends attached runs to workers and receives their events."""

    async def attach(self, run: RunSpec) -> AttachedRun:
        """Queue the run and wait for its events. Raises AtCapacity, RunIdTaken, RunLost, Unavailable."""

    def holds(self, workspace_id: str, workflow_id: str, run_id: str) -> bool:
        """Return whether a caller of this process waits for this run of the workflow."""

    async def announce(self, workspace_id: str, run_id: str) -> None:
        """Have the run recorded, if a caller of any process waits for it. Raises Unavailable."""


Numbered = tuple[EventPosition, RunEvent]


class FollowedRun(Protocol):
    """A reader's view of a durable run."""

    @property
    def run_id(self) -> str: ...

    async def take(self) -> Sequence[Numbered]:
        """Wait for at least one event, and return those since the last call; none once the run is over, or paused.

        Raises StreamBroken, CallerDisconnected, NotFound, Unavailable.
        """

    def end_with(self, error: FlowportError) -> None:
        """Make `take` raise `error` to a reader that lost access. The run continues."""

    def disconnect(self) -> None:
        """Stop reading: the reader disconnected or has seen the end. The run continues."""


class FollowedRuns(Protocol):
    """Port that delivers events of durable runs to readers on any process."""

    @property
    def address(self) -> str | None:
        """Return the address for events to this process's readers; None while the broker is unavailable."""

    def expect(self, run: RunSpec) -> FollowedRun:
        """Follow a run that is about to be stored with `address` as subscriber. Raises Unavailable."""

    async def follow(self, workspace_id: str, run_id: str) -> FollowedRun:
        """Follow a run from its first event, in any state. Raises Unavailable."""
