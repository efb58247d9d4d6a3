"""Storage of dead letters."""

from typing import Protocol

from jobs_service.dead_letters.rules import StoredLetter
from shared.contracts.dead_letters import DeadLetterPage


class DeadLetterRepository(Protocol):
    """Messages that could not be processed."""

    async def add(self, letter: StoredLetter) -> None:
        """Store a letter; a repeated one increases its count."""

    async def page(self, workspace_id: str | None, *, limit: int, cursor: str | None) -> DeadLetterPage:
        """Return a workspace's letters and those without one, or all; newest first.

        Raises InvalidRequest for an invalid cursor.
        """

    async def find(self, letter_id: str, workspace_id: str | None) -> StoredLetter | None:
        """Return a letter that `page` includes."""

    async def discard(self, letter_id: str) -> None: ...
