"""`/api/v2/workflows`: list, import, export and deployments: v1's use cases in `{data}` envelopes."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.domain.credentials import Caller, Scope
from gateway.http.bodies import Wire, json_of
from gateway.http.etags import Seen
from gateway.http.schemas import answers
from gateway.runs.application.run_counts import RunTallies
from gateway.wire.common.models import (
    DeployBody,
    Deployment,
    ImportBody,
    ImportedWorkflow,
    RollbackBody,
    WorkflowQuery,
    WorkflowSummary,
)
from gateway.wire.common.presenters import MAX_NUMBER, active_deployment, deployment, imported, undeployed, version_row
from gateway.wire.common.workflows import file_of, listed
from gateway.wire.v2.access import V2Access
from gateway.wire.v2.errors import NO_STORE, v2_router
from gateway.wire.v2.models import ErrorAnswer
from gateway.workflows.application.deployment import DeploymentService
from gateway.workflows.application.drafts import DraftService
from gateway.workflows.ports import Authoring
from shared.clock import iso
from shared.web.structs import StructResponse


class DeploymentState(Wire):
    """Live version, and whether the draft differs from it."""

    id: str
    is_deployed: bool
    deployed_at: str | None
    needs_redeployment: bool
    is_public_api: bool
    active_deployment: dict[str, Any] | None


class Listed(Wire):
    data: list[WorkflowSummary]
    next_cursor: str | None


class Imported(Wire):
    data: ImportedWorkflow


class Changed(Wire):
    data: Deployment


class StateAnswer(Wire):
    data: DeploymentState


class Anything(Wire):
    data: Any
    next_cursor: str | None = None


def workflows_router(
    access: V2Access, authoring: Authoring, editing: DraftService, publishing: DeploymentService, tallies: RunTallies
) -> APIRouter:
    """Workflows and their deployments."""
    router = v2_router(400, 401, 403, 404, 413, 429, 503, prefix="/api/v2/workflows")
    Somebody = Annotated[Caller, Depends(access.caller)]  # noqa: N806 - a type
    Known = Annotated[Caller, Depends(access.to_workflow)]  # noqa: N806 - a type
    Deploying = Annotated[Caller, Depends(access.to_deployment)]  # noqa: N806 - a type

    @router.get("", response_model=Listed)
    async def list_workflows(caller: Somebody, asked: Annotated[WorkflowQuery, Query()]) -> Response:
        rows, cursor = await listed(caller, authoring, tallies, asked)
        return _answer(Listed(data=rows, next_cursor=cursor))

    @router.post(
        "/import",
        status_code=201,
        response_model=Imported,
        responses=answers(ErrorAnswer, 409),
    )
    async def import_workflow(
        caller: Somebody, body: Annotated[ImportBody, Depends(json_of(ImportBody))], request: Request
    ) -> Response:
        caller = caller.within(body.workspace_id)
        made = await editing.import_file(caller, file_of(body, await request.body()), workflow_id=body.id)
        return _answer(Imported(data=imported(made)), status_code=201)

    @router.get("/{workflow_id}/export", response_model=Anything)
    async def export_workflow(caller: Known, workflow_id: str) -> Response:
        caller.require(Scope.READ)
        exported = await authoring.export(caller.workspace.id, workflow_id)
        return StructResponse({"data": exported}, headers=NO_STORE)

    @router.post(
        "/{workflow_id}/deploy",
        response_model=Changed,
        responses=answers(ErrorAnswer, 412),
    )
    async def deploy(
        caller: Deploying, workflow_id: str, body: Annotated[DeployBody, Depends(json_of(DeployBody))], seen: Seen
    ) -> Response:
        deployed = await publishing.deploy(
            caller, workflow_id, name=body.name, description=body.description, expected_revision=seen
        )
        return _answer(Changed(data=deployment(deployed)))

    @router.delete("/{workflow_id}/deploy", response_model=Changed)
    async def undeploy(caller: Deploying, workflow_id: str) -> Response:
        return _answer(Changed(data=undeployed(await publishing.undeploy(caller, workflow_id))))

    @router.post("/{workflow_id}/rollback", response_model=Changed)
    async def roll_back(
        caller: Deploying, workflow_id: str, body: Annotated[RollbackBody, Depends(json_of(RollbackBody))]
    ) -> Response:
        return _answer(Changed(data=deployment(await publishing.roll_back(caller, workflow_id, body.version))))

    @router.get("/{workflow_id}/deployment", response_model=StateAnswer)
    async def state(caller: Known, workflow_id: str) -> Response:
        caller.require(Scope.READ)
        found = await authoring.status(caller.workspace.id, workflow_id)
        endpoint, active = found.endpoint, active_deployment(found.endpoint)
        body = DeploymentState(
            id=workflow_id,
            is_deployed=endpoint.is_deployed,
            deployed_at=iso(endpoint.deployed_at) if endpoint.deployed_at else None,
            needs_redeployment=found.needs_redeployment,
            is_public_api=endpoint.is_public,
            active_deployment=active.model_dump(by_alias=True) if active else None,
        )
        return _answer(StateAnswer(data=body))

    @router.get("/{workflow_id}/versions", response_model=Anything)
    async def versions(
        caller: Known,
        workflow_id: str,
        limit: Annotated[int, Query(ge=1, le=100)] = 50,
        cursor: Annotated[int | None, Query(ge=1, le=MAX_NUMBER)] = None,
    ) -> Response:
        caller.require(Scope.READ)
        page = await authoring.versions(caller.workspace.id, workflow_id, before=cursor, limit=limit)
        following = None if page.next_before is None else str(page.next_before)
        return _answer(Anything(data=[version_row(each) for each in page.versions], next_cursor=following))

    @router.get("/{workflow_id}/versions/{version}", response_model=Anything)
    async def version(caller: Known, workflow_id: str, version: Annotated[int, Path(ge=1, lt=MAX_NUMBER)]) -> Response:
        caller.require(Scope.READ)
        found = await authoring.version(caller.workspace.id, workflow_id, version)
        row = version_row(found.version).model_dump(by_alias=True)
        return StructResponse({"data": {**row, "state": found.state}}, headers=NO_STORE)

    return router


def _answer(body: Wire, status_code: int = 200) -> Response:
    document = msgspec.Raw(body.model_dump_json(by_alias=True, exclude_unset=True).encode())
    return StructResponse(document, status_code=status_code, headers=NO_STORE)
