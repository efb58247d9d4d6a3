"""Dead letters and failed runs at jobs-service."""

from typing import Protocol

from shared.contracts.dead_letters import DeadLetterPage, RedriveRun
from shared.contracts.jobs import RunAccepted


class DeadLetterClient(Protocol):
    """Port of redrives. Every method raises Unavailable.

    Methods with an id raise NotFound if the workspace has no such item.
    """

    async def dead_letters(self, workspace_id: str, *, limit: int, cursor: str | None) -> DeadLetterPage:
        """Return dead letters of the workspace or of none, newest first. Raises InvalidRequest for a bad cursor."""

    async def redrive_letter(self, letter_id: str, request: RedriveRun) -> RunAccepted | None:
        """Redrive a dead letter. Raises Conflict if that is impossible, AtCapacity."""

    async def discard_letter(self, workspace_id: str, letter_id: str) -> None: ...

    async def redrive_run(self, run_id: str, request: RedriveRun) -> RunAccepted:
        """Redrive a run. Raises Conflict unless the run failed, AtCapacity."""
