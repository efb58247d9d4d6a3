"""Deleting for good: what is under way, and the gateway's own part of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.features.deletion.rules import Erasure
from shared.contracts.erasure import Erase


class DeletionRecords(Protocol):
    """What is being deleted, in the gateway's own database. Every method raises Unavailable."""

    async def keep_erasure(self, erasure: Erasure) -> None:
        """New, or in place of the one with its id."""
        ...

    async def has_erasure(self, owner: Erase) -> bool:
        """Whether one is under way, or was lately."""
        ...

    async def due_erasures(self, now: datetime, limit: int) -> Sequence[Erasure]:
        """Those that are to go on now."""
        ...

    async def erasures(self, workspace_id: str, limit: int) -> Sequence[Erasure]:
        """A workspace's, newest first."""
        ...

    async def is_first(self, workspace_id: str) -> bool:
        """Whether it is the workspace that every start makes sure of."""
        ...

    async def close_workspace(self, workspace_id: str) -> Sequence[str]:
        """Let nobody in any more; the hashes of the keys that were good for it."""
        ...

    async def erase_workspace(self, workspace_id: str) -> int:
        """Delete it with its keys and invitations; how many documents that were."""
        ...
