"""Permanently deletes workflows and workspaces."""

from contextlib import suppress
from typing import Final

from deploy_service.application.workflows import Workflows
from deploy_service.ports import Erasure
from shared.contracts.erasure import Erase, Erased
from shared.errors import NotFound

WORKFLOWS_AT_ONCE: Final = 20
DOCUMENTS_AT_ONCE: Final = 200


class Erasing:
    """Deletes documents in bounded steps, those that refer to others last, so a deletion can stop at any step."""

    def __init__(self, workflows: Workflows, erasure: Erasure) -> None:
        self._workflows = workflows
        self._erasure = erasure

    async def require_kept(self, workspace_id: str, workflow_id: str) -> None:
        """Raises NotFound if the workspace has no such workflow, archived or not."""
        if not await self._erasure.workflow_ids(Erase(workspace_id, workflow_id), 1):
            raise NotFound("Workflow not found")

    async def erase(self, asked: Erase) -> Erased:
        """Stop the endpoints, then delete some of the remaining data."""
        found = await self._erasure.workflow_ids(asked, WORKFLOWS_AT_ONCE)
        for workflow_id in found:
            with suppress(NotFound):
                await self._workflows.archive(workflow_id, asked.workspace_id)
        documents, has_more = 0, asked.workflow_id is None and len(found) == WORKFLOWS_AT_ONCE
        for workflow_id in found or ([asked.workflow_id] if asked.workflow_id else []):
            gone, is_full = await self._erasure.erase_workflow(asked.workspace_id, workflow_id, DOCUMENTS_AT_ONCE)
            documents, has_more = documents + gone, has_more or is_full
        if asked.workflow_id is None and not has_more:
            gone, has_more = await self._erasure.erase_workspace(asked.workspace_id, DOCUMENTS_AT_ONCE)
            documents += gone
        return Erased(documents, has_more)
