"""Routes of workflows that v1 and v2 share: list, import, export, deploy, undeploy, roll back."""

from functools import partial
from typing import Annotated, Any, Final, Literal, Protocol

import msgspec
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.domain.credentials import Caller, Scope
from gateway.api.models import (
    DeployBody,
    ImportBody,
    RollbackBody,
    WorkflowQuery,
    WorkflowSummary,
    deployment,
    gate_of,
    imported,
    summary,
    undeployed,
)
from gateway.parsing import json_body
from gateway.runs.logs import RunCounts
from gateway.web.bodies import json_of
from gateway.web.etags import DeployRevision
from gateway.web.routes import CountedAccess, answers
from gateway.workflows.deployment import DeploymentService
from gateway.workflows.drafts import DraftService
from gateway.workflows.ports import Authoring
from shared.contracts.deployments import ImportWorkflow

YAML: Final = "application/yaml"
_YAML_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The draft as a file", "content": {YAML: {"schema": {"type": "string"}}}}
}


def file_of(body: ImportBody, sent: bytes) -> ImportWorkflow:
    """Return the file to import, from the body and its raw bytes."""
    return ImportWorkflow(
        workspace_id=body.workspace_id,
        workflow=body.workflow if isinstance(body.workflow, str) else _as_sent(sent),
        name=body.name,
        description=body.description,
        folder_id=body.folder_id,
        input_validation=body.input_validation,
    )


class _Sent(msgspec.Struct):
    workflow: msgspec.Raw


_sent_decoder: Final = msgspec.json.Decoder(_Sent)


def _as_sent(body: bytes) -> str:
    """Return the workflow's own text: parsing it would silently drop a block whose id occurs twice."""
    sent = json_body.read(json_body.without_bom(body), partial(json_body.decode, _sent_decoder))
    return bytes(sent.workflow).decode()


async def listed(
    caller: Caller, authoring: Authoring, run_counts: RunCounts, query: WorkflowQuery
) -> tuple[list[WorkflowSummary], str | None]:
    """Return a page of workflows, and the next cursor. Raises Forbidden, InvalidRequest, Unavailable."""
    caller = caller_in(caller, query.workspace_id, Scope.READ)
    page = await authoring.page(
        query.workspace_id,
        cursor=query.cursor,
        limit=query.limit,
        deployed_only=query.deployed_only,
        folder_id=query.folder_id,
    )
    shown = [each for each in page.workflows if caller.covers(each.id)]
    known = await run_counts.of(query.workspace_id, [each.id for each in shown])
    return [summary(each, known) for each in shown], page.next_cursor


def caller_in(caller: Caller, workspace_id: str, scope: Scope) -> Caller:
    """Return the caller in that workspace. Raises Forbidden."""
    caller = caller.within(workspace_id)
    caller.require(scope)
    return caller


class Answer(Protocol):
    """Answer in the envelope of an API generation."""

    async def __call__(self, caller: Caller, data: BaseModel | msgspec.Raw, status_code: int = 200) -> Response: ...


def add_file_routes(
    router: APIRouter,
    access: CountedAccess,
    authoring: Authoring,
    drafts: DraftService,
    *,
    answer: Answer,
    models: tuple[type[BaseModel], type[BaseModel]],
    error: type[BaseModel],
) -> None:
    """Add import and export to `router`. Answers are documented as `models`, errors as `error`."""
    imported_model, exported_model = models

    @router.post(
        "/import",
        status_code=201,
        response_model=imported_model,
        responses=answers(error, 409),
        summary="Import a workflow",
    )
    async def import_workflow(
        caller: Annotated[Caller, Depends(access.caller)],
        body: Annotated[ImportBody, Depends(json_of(ImportBody))],
        request: Request,
    ) -> Response:
        caller = caller.within(body.workspace_id)
        made = await drafts.import_file(caller, file_of(body, await request.body()), workflow_id=body.id)
        return await answer(caller, imported(made), 201)

    @router.get(
        "/{workflow_id}/export", response_model=exported_model, responses=_YAML_FILE, summary="Export a workflow"
    )
    async def export_workflow(
        caller: Annotated[Caller, Depends(access.to_workflow)],
        workflow_id: str,
        file_format: Annotated[
            Literal["json", "yaml"], Query(alias="format", description="Format of the file: Sim's JSON, or YAML.")
        ] = "json",
        layout: Annotated[bool, Query(description="YAML: whether to include ids and positions of blocks.")] = True,
    ) -> Response:
        caller.require(Scope.READ)
        if file_format == "yaml":
            text = await authoring.export_yaml(caller.workspace.id, workflow_id, with_layout=layout)
            return Response(text, media_type=YAML, headers={"cache-control": "private, no-store"})
        return await answer(caller, await authoring.export(caller.workspace.id, workflow_id))


def add_deployment_routes(
    router: APIRouter,
    access: CountedAccess,
    deployments: DeploymentService,
    *,
    answer: Answer,
    model: type[BaseModel],
    error: type[BaseModel],
) -> None:
    """Add deploy, undeploy and rollback to `router`. Answers are documented as `model`, errors as `error`."""
    DeployingCaller = Annotated[Caller, Depends(access.to_deployment)]  # noqa: N806 - a type

    @router.post(
        "/{workflow_id}/deploy", response_model=model, responses=answers(error, 409, 412), summary="Deploy a workflow"
    )
    async def deploy(
        caller: DeployingCaller,
        workflow_id: str,
        body: Annotated[DeployBody, Depends(json_of(DeployBody))],
        expected_revision: DeployRevision,
    ) -> Response:
        deployed = await deployments.deploy(
            caller,
            workflow_id,
            name=body.name,
            description=body.description,
            expected_revision=expected_revision,
            accepted_warnings=body.accepted_warnings,
            gate=gate_of(body.gate),
        )
        return await answer(caller, deployment(deployed))

    @router.delete("/{workflow_id}/deploy", response_model=model, summary="Undeploy a workflow")
    async def undeploy(caller: DeployingCaller, workflow_id: str) -> Response:
        return await answer(caller, undeployed(await deployments.undeploy(caller, workflow_id)))

    @router.post(
        "/{workflow_id}/rollback",
        response_model=model,
        responses=answers(error, 409),
        summary="Make another version live",
    )
    async def roll_back(
        caller: DeployingCaller, workflow_id: str, body: Annotated[RollbackBody, Depends(json_of(RollbackBody))]
    ) -> Response:
        return await answer(
            caller, deployment(await deployments.roll_back(caller, workflow_id, body.version, gate=gate_of(body.gate)))
        )
