"""Endpoints, snapshots and environment values, as workers read them."""

from collections.abc import Collection
from typing import Final

from shared.clients.calls import ServiceCalls
from shared.contracts.deployments import CallableEndpoint, Environment
from shared.contracts.runs import SnapshotRef
from shared.web.paths import path_of

NAMES_CHARS: Final = 16 * 1024
"""Limit of a URL. For more names, all values are returned."""


class WorkerDeployClient(ServiceCalls):
    """What a worker needs to start a run."""

    async def snapshot(self, snapshot: SnapshotRef) -> bytes:
        """Return the immutable workflow state as JSON. Raises NotFound, Unavailable."""
        return await self._client.fetch("GET", path_of("snapshots", snapshot.workspace_id, snapshot.snapshot_hash))

    async def endpoint(self, workspace_id: str, workflow_id: str, snapshot_hash: str | None = None) -> CallableEndpoint:
        """Return a workflow's live version, with a ticket for it or for the named one.

        Raises NotFound, Unavailable.
        """
        path = path_of("workflows", workflow_id, "endpoint", workspace_id=workspace_id, snapshot_hash=snapshot_hash)
        return await self._client.call("GET", path, returns=CallableEndpoint)

    async def environment(
        self, workspace_id: str, user_id: str | None, names: Collection[str] | None = None
    ) -> Environment:
        """Return the `{{NAME}}` values of a workspace and its user: of `names`, or all. Raises Unavailable."""
        listed = None if names is None else ",".join(sorted(names))
        wanted = None if listed is None or len(listed) > NAMES_CHARS else listed
        path = path_of("environment", workspace_id, user_id=user_id, names=wanted)
        return await self._client.call("GET", path, returns=Environment)
