"""jobs-service, as far as it knows what failed."""

from typing import Protocol

from shared.contracts.dead_letters import DeadLetterPage, RedriveRun
from shared.contracts.jobs import RunAccepted


class DeadLetterClient(Protocol):
    """Gives another chance to what failed. Every method raises Unavailable.

    Those that name a thing raise NotFound where the workspace has none of this id.
    """

    async def dead_letters(self, workspace_id: str, *, limit: int, cursor: str | None) -> DeadLetterPage:
        """The workspace's and nobody's, newest first. Raises InvalidRequest for a cursor that is none."""
        ...

    async def redrive_letter(self, letter_id: str, request: RedriveRun) -> RunAccepted | None:
        """Raises Conflict where nothing can be done with it, AtCapacity."""
        ...

    async def discard_letter(self, workspace_id: str, letter_id: str) -> None: ...

    async def redrive_run(self, run_id: str, request: RedriveRun) -> RunAccepted:
        """Raises Conflict unless the run failed, AtCapacity."""
        ...
