"""Permanent deletion: progress, and the gateway's own data."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.features.deletion.rules import Erasure
from shared.contracts.erasure import Erase


class DeletionRecords(Protocol):
    """Progress of deletions, in the gateway's own database. Every method raises Unavailable."""

    async def save_erasure(self, erasure: Erasure) -> None:
        """Store an erasure, replacing the one with its id."""

    async def has_erasure(self, owner: Erase) -> bool:
        """Return whether one is in progress, or was recently."""

    async def due_erasures(self, now: datetime, limit: int) -> Sequence[Erasure]:
        """Return erasures that are due."""

    async def erasures(self, workspace_id: str, limit: int) -> Sequence[Erasure]:
        """Return a workspace's erasures, newest first."""

    async def is_first(self, workspace_id: str) -> bool:
        """Return whether it is the workspace that every start creates if missing."""

    async def close_workspace(self, workspace_id: str) -> Sequence[str]:
        """Remove all access; return the hashes of the workspace's valid keys."""

    async def erase_workspace(self, workspace_id: str) -> int:
        """Delete the workspace with its keys and invitations; return the number of documents."""
