"""Publications of a workflow besides its API."""

from typing import Any, TypeVar

import msgspec

from deploy_service.application.timestamps import timestamp
from deploy_service.ports import WorkflowPublications, WorkflowRepository
from shared.clock import Clock
from shared.contracts.agents import Agent, CreateAgent
from shared.contracts.chats import Chat, CreateChat
from shared.errors import NotFound
from shared.ids import new_id

P = TypeVar("P", Chat, Agent)


async def new_publication(
    kind: type[P],
    request: CreateChat | CreateAgent,
    settings: Any,
    *,
    workflows: WorkflowRepository,
    clock: Clock,
) -> P:
    """Create an unsaved publication of `kind` for the workflow. Raises NotFound."""
    await _require(workflows, request.workspace_id, request.workflow_id)
    now = timestamp(clock)
    return kind(
        id=new_id(),
        workspace_id=request.workspace_id,
        workflow_id=request.workflow_id,
        settings=settings,
        created_at=now,
        updated_at=now,
    )


async def outlasting(publication: P, publications: WorkflowPublications[P], *, workflows: WorkflowRepository) -> P:
    """Return the just stored publication; delete it if its workflow was deleted concurrently. Raises NotFound."""
    try:
        await _require(workflows, publication.workspace_id, publication.workflow_id)
    except NotFound:
        await publications.delete(publication.id)
        raise
    return publication


def changed_publication(publication: P, settings: Any, *, clock: Clock) -> P:
    """Return it with other settings, unsaved."""
    return msgspec.structs.replace(
        publication, settings=settings, updated_at=timestamp(clock), revision=publication.revision + 1
    )


async def _require(workflows: WorkflowRepository, workspace_id: str, workflow_id: str) -> None:
    workflow = await workflows.get(workflow_id)
    if workflow is None or not workflow.is_in(workspace_id):
        raise NotFound("Workflow not found")
