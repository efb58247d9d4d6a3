"""Replay sets at jobs-service."""

from typing import Protocol

from shared.contracts.replay_sets import CreateReplaySet, ReplayedRunPage, ReplayedVerdict, ReplaySet, ReplaySetPage


class ReplaySetClient(Protocol):
    """Port of replay sets. Every method raises Unavailable; those with a set's id raise NotFound."""

    async def create(self, request: CreateReplaySet) -> ReplaySet:
        """Create a set, or return the one with this id.

        Raises NotFound (a recording), InvalidRequest (nothing is recorded), Conflict (the id belongs to another set).
        """

    async def page(self, workspace_id: str, workflow_id: str, *, limit: int, cursor: str | None) -> ReplaySetPage:
        """Return a workflow's sets, newest first."""

    async def get(self, workspace_id: str, workflow_id: str, set_id: str) -> ReplaySet:
        """Return a set."""

    async def runs(
        self,
        workspace_id: str,
        workflow_id: str,
        set_id: str,
        *,
        verdict: ReplayedVerdict | None,
        limit: int,
        cursor: str | None,
    ) -> ReplayedRunPage:
        """Return the recorded runs of a set."""

    async def cancel(self, workspace_id: str, workflow_id: str, set_id: str) -> ReplaySet:
        """Cancel a set that has not ended."""
