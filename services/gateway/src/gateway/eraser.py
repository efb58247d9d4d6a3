"""Port to a service that deletes what it stores."""

from typing import Protocol

from shared.contracts.erasure import Erase, Erased


class Deleter(Protocol):
    """A service that deletes what it keeps. Raises Unavailable."""

    async def erase(self, asked: Erase) -> Erased:
        """Some of it; nothing may be left."""
        ...


class StoredWorkflows(Protocol):
    """What there is to delete."""

    async def require_kept(self, workspace_id: str, workflow_id: str) -> None:
        """Raises NotFound where the workspace has no such workflow, in sight or out of it; Unavailable."""
        ...
