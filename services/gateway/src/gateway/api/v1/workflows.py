"""`/api/v1/workflows`: list, show, import, export."""

from functools import partial
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.bodies import json_of
from gateway.api.routes import presenting
from gateway.api.schemas import answers, described
from gateway.api.v1.access import V1Access
from gateway.api.v1.errors import present_error
from gateway.api.v1.models import (
    ErrorAnswer,
    ExportAnswer,
    ImportBody,
    Imported,
    WorkflowAnswer,
    WorkflowList,
    WorkflowQuery,
    WorkflowSummary,
)
from gateway.api.v1.presenting import detail, imported, summary
from gateway.application.editing import Editing
from gateway.application.run_tallies import RunTallies
from gateway.domain import json_body
from gateway.domain.credentials import Caller, Scope
from gateway.ports import Authoring
from shared.contracts.deployments import ImportWorkflow
from shared.web.structs import StructResponse

ERRORS: Final = answers(ErrorAnswer, 400, 401, 403, 404, 413, 429, 503)


def workflows_router(access: V1Access, authoring: Authoring, editing: Editing, tallies: RunTallies) -> APIRouter:
    """Workflows, for a key with the read or deploy scope."""
    router = APIRouter(
        prefix="/api/v1/workflows", route_class=presenting(present_error), tags=["Workflows"], responses=ERRORS
    )
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

    @router.post("/import", status_code=201, openapi_extra=described(ImportBody), responses=answers(ErrorAnswer, 409))
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


def file_of(body: ImportBody, sent: bytes) -> ImportWorkflow:
    """The file to import, from the body and the bytes that it was read from."""
    return ImportWorkflow(
        workspace_id=body.workspace_id,
        workflow=body.workflow if isinstance(body.workflow, str) else _as_sent(sent),
        name=body.name,
        description=body.description,
        folder_id=body.folder_id,
    )


class _Sent(msgspec.Struct):
    workflow: msgspec.Raw


_sent_decoder: Final = msgspec.json.Decoder(_Sent)


def _as_sent(body: bytes) -> str:
    """The workflow's own text: once read as an object, a block whose id occurs twice would be gone without a word."""
    sent = json_body.read(json_body.without_bom(body), partial(json_body.decode, _sent_decoder))
    return bytes(sent.workflow).decode()


async def listed(
    caller: Caller, authoring: Authoring, tallies: RunTallies, asked: WorkflowQuery
) -> tuple[list[WorkflowSummary], str | None]:
    """A page of workflows, and where the next one begins. Raises Forbidden, InvalidRequest, Unavailable."""
    caller = entered(caller, asked.workspace_id, Scope.READ)
    page = await authoring.page(
        asked.workspace_id,
        cursor=asked.cursor,
        limit=asked.limit,
        deployed_only=asked.deployed_only,
        folder_id=asked.folder_id,
    )
    shown = [each for each in page.workflows if caller.may_touch(each.id)]
    known = await tallies.of(asked.workspace_id, [each.id for each in shown])
    return [summary(each, known) for each in shown], page.next_cursor


def entered(caller: Caller, workspace_id: str, scope: Scope) -> Caller:
    """The caller in that workspace. Raises Forbidden."""
    caller = caller.within(workspace_id)
    caller.require(scope)
    return caller
