"""Messages that nobody could work on."""

from typing import Protocol

from jobs_service.dead_letters.rules import KeptLetter
from shared.contracts.dead_letters import DeadLetterPage


class DeadLetters(Protocol):
    """Messages that nobody could work on."""

    async def keep(self, letter: KeptLetter) -> None:
        """Store it; the same one again counts."""
        ...

    async def page(self, workspace_id: str | None, *, limit: int, cursor: str | None) -> DeadLetterPage:
        """A workspace's and nobody's, or all; newest first. Raises InvalidRequest for a cursor that is none of ours."""
        ...

    async def find(self, letter_id: str, workspace_id: str | None) -> KeptLetter | None:
        """One of those that `page` shows."""
        ...

    async def discard(self, letter_id: str) -> None: ...
