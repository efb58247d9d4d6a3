"""Permanently deletes workflows and workspaces."""

from contextlib import suppress
from typing import Final

from deploy_service.adapters.mongo_deletion import MongoDeletion
from deploy_service.application.workflows import Workflows
from shared.contracts.erasure import Erase, Erased
from shared.errors import NotFound

WORKFLOWS_AT_ONCE: Final = 20
DOCUMENTS_AT_ONCE: Final = 200


class DeletionService:
    """Permanent deletion in bounded steps. References are deleted last, so that it can resume after any step."""

    def __init__(self, workflows: Workflows, repository: MongoDeletion) -> None:
        self._workflows = workflows
        self._repository = repository

    async def require_exists(self, workspace_id: str, workflow_id: str) -> None:
        """Raise NotFound unless the workspace has the workflow, archived or not."""
        if not await self._repository.workflow_ids(Erase(workspace_id, workflow_id), 1):
            raise NotFound("Workflow not found")

    async def erase(self, request: Erase) -> Erased:
        """Stop the endpoints, then delete some of the remaining data."""
        found = await self._repository.workflow_ids(request, WORKFLOWS_AT_ONCE)
        for workflow_id in found:
            with suppress(NotFound):
                await self._workflows.archive(workflow_id, request.workspace_id)
        documents, has_more = 0, request.workflow_id is None and len(found) == WORKFLOWS_AT_ONCE
        for workflow_id in found or ([request.workflow_id] if request.workflow_id else []):
            deleted, is_full = await self._repository.delete_workflow(
                request.workspace_id, workflow_id, DOCUMENTS_AT_ONCE
            )
            documents, has_more = documents + deleted, has_more or is_full
        if request.workflow_id is None and not has_more:
            deleted, has_more = await self._repository.delete_workspace(request.workspace_id, DOCUMENTS_AT_ONCE)
            documents += deleted
        return Erased(documents, has_more)
