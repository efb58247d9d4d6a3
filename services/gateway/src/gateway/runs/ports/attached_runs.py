"""Runs that live and die with their caller."""

from collections.abc import Sequence
from typing import Protocol

from shared.contracts.events import RunEvent
from shared.contracts.outcomes import RunOutcome
from shared.contracts.runs import RunSpec
from shared.errors import FlowportError


class AttachedRun(Protocol):
    """A run that lives and dies with this call."""

    @property
    def run_id(self) -> str: ...

    async def take(self) -> Sequence[RunEvent]:
        """The events since the last call, waiting for at least one; RunEnded is the last one ever.

        Raises RunLost, StreamBroken, ReaderTooSlow, NotStarted, RunOverdue.
        """
        ...

    async def outcome(self) -> RunOutcome:
        """How the run ended. Raises what `take` raises."""
        ...

    def cut_off(self, error: FlowportError) -> None:
        """The caller lost its access: drop what it has not read, raise `error` to it, and cancel the run."""
        ...

    def hang_up(self) -> None:
        """The caller is gone or has seen the end: if the run is not over, it is cancelled."""
        ...


class AttachedRuns(Protocol):
    """Hands runs to workers and brings their events back."""

    async def attach(self, run: RunSpec) -> AttachedRun:
        """Queue the run and wait for its events. Raises AtCapacity, RunIdTaken, RunLost, Unavailable."""
        ...

    def holds(self, workspace_id: str, workflow_id: str, run_id: str) -> bool:
        """Whether a caller of this process waits for this run of the workflow."""
        ...

    async def announce(self, workspace_id: str, run_id: str) -> None:
        """Have the run recorded, if a caller of any process waits for it. Raises Unavailable."""
        ...
