"""Port of followed durable runs."""

from collections.abc import Sequence
from typing import Protocol

from shared.contracts.event_log import EventPosition
from shared.contracts.events import RunEvent
from shared.contracts.runs import RunSpec
from shared.errors import FlowportError

Numbered = tuple[EventPosition, RunEvent]


class FollowedRun(Protocol):
    """A reader's view of a durable run."""

    @property
    def run_id(self) -> str: ...

    async def take(self) -> Sequence[Numbered]:
        """Wait for at least one event, and return those since the last call; none once the run is over, or paused.

        Raises StreamBroken, CallerGone, NotFound, Unavailable.
        """

    def cut_off(self, error: FlowportError) -> None:
        """Make `take` raise `error` to a reader that lost access. The run continues."""

    def hang_up(self) -> None:
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
