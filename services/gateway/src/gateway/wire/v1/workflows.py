"""`/api/v1/workflows`: list, show, import, export."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.domain.credentials import Caller, Scope
from gateway.http.bodies import json_of
from gateway.http.schemas import answers
from gateway.runs.application.run_counts import RunTallies
from gateway.wire.common.models import ImportBody, WorkflowQuery
from gateway.wire.common.presenters import imported
from gateway.wire.common.workflows import file_of, listed
from gateway.wire.v1.access import V1Access
from gateway.wire.v1.errors import v1_router
from gateway.wire.v1.models import ErrorAnswer, ExportAnswer, Imported, WorkflowAnswer, WorkflowList
from gateway.wire.v1.presenting import detail
from gateway.workflows.application.drafts import DraftService
from gateway.workflows.ports import Authoring
from shared.web.structs import StructResponse


def workflows_router(access: V1Access, authoring: Authoring, editing: DraftService, tallies: RunTallies) -> APIRouter:
    """Return routes of workflows, for a key with the read or deploy scope."""
    router = v1_router("Workflows", 400, 401, 403, 404, 413, 429, 503, prefix="/api/v1/workflows")
    Known = Annotated[Caller, Depends(access.caller)]  # noqa: N806 - a type
    OnWorkflow = Annotated[Caller, Depends(access.to_workflow)]  # noqa: N806 - a type

    @router.get("", response_model_exclude_unset=True)
    async def list_workflows(caller: Known, asked: Annotated[WorkflowQuery, Query()]) -> WorkflowList:
        caller = caller.within(asked.workspace_id)
        rows, cursor = await listed(caller, authoring, tallies, asked)
        found = WorkflowList(data=rows, limits=await access.limits(caller))
        if cursor is not None:
            found.next_cursor = cursor
        return found

    @router.post("/import", status_code=201, responses=answers(ErrorAnswer, 409))
    async def import_workflow(
        caller: Known, body: Annotated[ImportBody, Depends(json_of(ImportBody))], request: Request
    ) -> Imported:
        caller = caller.within(body.workspace_id)
        made = await editing.import_file(caller, file_of(body, await request.body()), workflow_id=body.id)
        return Imported(data=imported(made), limits=await access.limits(caller))

    @router.get("/{workflow_id}", response_model_exclude_unset=True)
    async def get_workflow(caller: OnWorkflow, workflow_id: str) -> WorkflowAnswer:
        caller.require(Scope.READ)
        workflow = await authoring.get(caller.workspace.id, workflow_id)
        draft = await authoring.draft(caller.workspace.id, workflow_id)
        known = await tallies.of(caller.workspace.id, [workflow_id])
        return WorkflowAnswer(data=detail(workflow, draft, known), limits=await access.limits(caller))

    @router.get("/{workflow_id}/export", response_model=ExportAnswer)
    async def export_workflow(caller: OnWorkflow, workflow_id: str) -> Response:
        caller.require(Scope.READ)
        exported = await authoring.export(caller.workspace.id, workflow_id)
        limits = (await access.limits(caller)).model_dump(by_alias=True)
        return StructResponse({"data": exported, "limits": limits})

    return router
