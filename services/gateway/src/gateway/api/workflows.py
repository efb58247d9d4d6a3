"""Routes of workflows that v1 and v2 share: list, import, export, deploy, undeploy, roll back."""

from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Final, Literal, Protocol

import msgspec
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.credentials import Caller, Scope
from gateway.api.models import (
    DeployBody,
    DeployRevision,
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
from gateway.runs.views import split_names
from gateway.web.bodies import json_of
from gateway.web.routes import CountedAccess, answers
from gateway.workflows.deployment import DeploymentService
from gateway.workflows.drafts import DraftService
from shared.clients.deploy.workflows import HttpDeployClient
from shared.contracts.deployments import ImportWorkflow
from shared.contracts.logs import FindLogs
from shared.contracts.runs import RunStatus
from shared.errors import InvalidRequest
from shared.ids import run_key

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
    caller: Caller, authoring: HttpDeployClient, run_counts: RunCounts, query: WorkflowQuery
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
    authoring: HttpDeployClient,
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


MAX_TEXT_CHARS: Final = 200


MAX_VERSIONS: Final = 100


Names = Annotated[str | None, Query(max_length=10_000)]


Number = Annotated[float | None, Query(allow_inf_nan=False)]


def run_filters(
    workspace_id: Annotated[str, Query(alias="workspaceId", min_length=1)],
    *,
    workflow_ids: Annotated[Names, Query(alias="workflowIds")] = None,
    triggers: Names = None,
    level: Literal["info", "error"] | None = None,
    status: RunStatus | None = None,
    execution_id: Annotated[str | None, Query(alias="executionId", max_length=128)] = None,
    min_duration: Annotated[Number, Query(alias="minDurationMs")] = None,
    max_duration: Annotated[Number, Query(alias="maxDurationMs")] = None,
    min_cost: Annotated[Number, Query(alias="minCost")] = None,
    max_cost: Annotated[Number, Query(alias="maxCost")] = None,
    model: Annotated[str | None, Query(max_length=200)] = None,
    versions: Annotated[str | None, Query(max_length=1_000, description="Comma-separated version numbers.")] = None,
    draft: Annotated[
        bool | None, Query(description="`true`: only runs of drafts. `false`: only runs of versions.")
    ] = None,
    text: Annotated[
        str | None,
        Query(
            alias="q",
            max_length=MAX_TEXT_CHARS,
            description="Words of the input, the output or the error, all of which must occur; or a run id, or at least"
            " its first 8 characters.",
        ),
    ] = None,
) -> FindLogs:
    """Return the filters. Raises InvalidRequest."""
    named = split_names(workflow_ids)
    return FindLogs(
        workspace_id=workspace_id,
        workflow_ids=tuple(named) if named else None,
        triggers=tuple(split_names(triggers)),
        level=level,
        status=status,
        run_id=run_key(workspace_id, execution_id) if execution_id else None,
        min_duration_ms=min_duration,
        max_duration_ms=max_duration,
        min_cost_usd=min_cost,
        max_cost_usd=max_cost,
        model=model or None,
        versions=_versions(versions),
        draft=draft,
        text=(text or "").strip() or None,
    )


def with_zone(moment: datetime) -> datetime:
    """Return `moment`, in UTC if it has no zone."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _versions(text: str | None) -> tuple[int, ...]:
    names = split_names(text)
    if len(names) > MAX_VERSIONS or not all(name.isascii() and name.isdigit() and len(name) < 10 for name in names):
        raise InvalidRequest(f"versions must be at most {MAX_VERSIONS} comma-separated version numbers")
    return tuple(map(int, names))
