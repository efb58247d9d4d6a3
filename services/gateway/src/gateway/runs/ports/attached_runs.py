"""Port of attached runs."""

from collections.abc import Sequence
from typing import Protocol

from shared.contracts.events import RunEvent
from shared.contracts.outcomes import RunOutcome
from shared.contracts.runs import RunSpec
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

    def cut_off(self, error: FlowportError) -> None:
        """Drop unread events, raise `error` to a caller that lost access, and cancel the run."""

    def hang_up(self) -> None:
        """Cancel the run if it is not over: the caller disconnected or has seen the end."""


class AttachedRuns(Protocol):
    """Port that sends attached runs to workers and receives their events."""

    async def attach(self, run: RunSpec) -> AttachedRun:
        """Queue the run and wait for its events. Raises AtCapacity, RunIdTaken, RunLost, Unavailable."""

    def holds(self, workspace_id: str, workflow_id: str, run_id: str) -> bool:
        """Return whether a caller of this process waits for this run of the workflow."""

    async def announce(self, workspace_id: str, run_id: str) -> None:
        """Have the run recorded, if a caller of any process waits for it. Raises Unavailable."""
