"""What a workflow is published as beside its API."""

from typing import Any, TypeVar

import msgspec

from deploy_service.application.moments import moment
from deploy_service.ports import WorkflowRepository
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
    """One of `kind` for the workflow, with its settings, not kept yet. Raises NotFound."""
    workflow = await workflows.get(request.workflow_id)
    if workflow is None or not workflow.is_in(request.workspace_id):
        raise NotFound("Workflow not found")
    now = moment(clock)
    return kind(
        id=new_id(),
        workspace_id=request.workspace_id,
        workflow_id=request.workflow_id,
        settings=settings,
        created_at=now,
        updated_at=now,
    )


def changed_publication(publication: P, settings: Any, *, clock: Clock) -> P:
    """It with other settings, not kept yet."""
    return msgspec.structs.replace(
        publication, settings=settings, updated_at=moment(clock), revision=publication.revision + 1
    )
