"""Child workflows: resolves their live versions, and caches compiled ones."""

import re
from typing import Final

from executor_service.application.workflow_cache import WorkflowCache
from executor_service.blocks.ports import ChildWorkflow
from executor_service.engine import ChildPin
from shared.clients.deploy.worker import WorkerDeployClient
from shared.contracts.runs import SnapshotRef
from shared.errors import NotFound
from shared.security.current_ticket import using_ticket

_WORKFLOW_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")


class DeployedChildWorkflows:
    """Resolves the live version for each call, so that a promotion of the child takes effect with the next call."""

    def __init__(self, deployments: WorkerDeployClient, workflows: WorkflowCache) -> None:
        self._deployments = deployments
        self._workflows = workflows

    async def find(self, workspace_id: str, workflow_id: str) -> ChildWorkflow | None:
        """Return the live version; None if this workspace has none. Raises InvalidWorkflow, Unavailable."""
        if not _WORKFLOW_ID.fullmatch(workflow_id):
            return None
        try:
            endpoint = await self._deployments.endpoint(workspace_id, workflow_id)
        except NotFound:
            return None
        if endpoint.snapshot_hash is None or endpoint.workspace_id != workspace_id:
            return None
        snapshot = SnapshotRef(workspace_id, workflow_id, endpoint.snapshot_hash, endpoint.version, endpoint.version_id)
        return await self._child(endpoint.name, snapshot, endpoint.ticket)

    async def find_pinned(self, workspace_id: str, pin: ChildPin) -> ChildWorkflow:
        """Return the version called before. Raises NotFound, InvalidWorkflow, Unavailable."""
        endpoint = await self._deployments.endpoint(workspace_id, pin.workflow_id, pin.snapshot_id)
        snapshot = SnapshotRef(workspace_id, pin.workflow_id, pin.snapshot_id)
        return await self._child(pin.name, snapshot, endpoint.ticket)

    async def _child(self, name: str, snapshot: SnapshotRef, ticket: str) -> ChildWorkflow:
        with using_ticket(ticket):
            compiled = await self._workflows.get(snapshot)
        return ChildWorkflow(name, snapshot.snapshot_hash, compiled, ticket)
