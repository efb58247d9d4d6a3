"""Ports to deletion in other services."""

from typing import Protocol

from shared.contracts.erasure import Erase, Erased, ExpiredWorkflows


class Deleter(Protocol):
    """Service that deletes its stored data. Raises Unavailable."""

    async def erase(self, owner: Erase) -> Erased:
        """Delete a portion; the caller repeats until nothing is left."""


class StoredWorkflows(Protocol):
    """Port to stored workflows."""

    async def require_stored(self, workspace_id: str, workflow_id: str) -> None:
        """Raise NotFound if the workspace stores no such workflow, listed or hidden; Unavailable."""

    async def expired(self, limit: int) -> ExpiredWorkflows:
        """Return deleted workflows that can no longer be restored. Raises Unavailable."""
