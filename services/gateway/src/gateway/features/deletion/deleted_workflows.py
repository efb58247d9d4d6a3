"""Deleted workflows that can be restored, until their permanent deletion."""

from collections.abc import Sequence

from gateway.access.application.audit import AuditLog
from gateway.access.application.revocations import Revocations
from gateway.access.domain.credentials import Caller, Scope
from gateway.features.deletion.ports import DeletionRecords
from gateway.workflows.application.endpoints import Endpoints
from gateway.workflows.ports import Authoring
from shared.contracts.deployments import DeletedWorkflow, RestoreWorkflow, Workflow
from shared.contracts.erasure import Erase
from shared.errors import NotFound


class DeletedWorkflows:
    """Lists and restores deleted workflows."""

    def __init__(
        self,
        authoring: Authoring,
        erasures: DeletionRecords,
        *,
        endpoints: Endpoints,
        revocations: Revocations,
        audit: AuditLog,
    ) -> None:
        self._authoring = authoring
        self._erasures = erasures
        self._endpoints = endpoints
        self._revocations = revocations
        self._audit = audit

    async def list(self, caller: Caller) -> Sequence[DeletedWorkflow]:
        """Return the deleted workflows that the caller could restore. Raises Forbidden, Unavailable."""
        caller.require(Scope.READ)
        found = await self._authoring.deleted(caller.workspace.id)
        return [each for each in found.workflows if caller.covers(each.id)]

    async def restore(self, caller: Caller, workflow_id: str, *, redeploy: bool) -> Workflow:
        """Restore a deleted workflow; with `redeploy`, also the version that was live.

        Raises Forbidden, NotFound, Unavailable.
        """
        caller.require(Scope.DEPLOY)
        owner = Erase(caller.on(caller.workspace.id, workflow_id).workspace.id, workflow_id)
        if await self._erasures.has_erasure(owner):
            raise NotFound("Workflow not found")
        restored = await self._authoring.restore(owner.workspace_id, workflow_id, RestoreWorkflow(redeploy))
        self._endpoints.forget(workflow_id)
        after = {"version": restored.endpoint.version}
        await self._audit.record(
            caller, "workflow.restored", target_id=workflow_id, target_name=restored.name, after=after
        )
        await self._revocations.settle()
        return restored
