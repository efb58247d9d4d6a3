"""`/api/v2/workflows`: list, import, export and deployments: v1's use cases in `{data}` envelopes."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel
from starlette.responses import Response

from gateway.access.credentials import Caller, Scope
from gateway.api.models import (
    MAX_NUMBER,
    Deployment,
    ImportedWorkflow,
    WorkflowQuery,
    WorkflowSummary,
    active_deployment,
    version_row,
)
from gateway.api.workflows import add_deployment_routes, add_file_routes, listed
from gateway.runs.logs import RunCounts
from gateway.v2.models import ErrorAnswer
from gateway.v2.routes import NO_STORE, V2Access, v2_router
from gateway.web.bodies import Data, Wire, raw_json
from gateway.workflows.deployment import DeploymentService
from gateway.workflows.drafts import DraftService
from shared.clients.deploy.workflows import HttpDeployClient
from shared.clock import iso
from shared.web.struct_bodies import StructResponse


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


class Anything(Wire):
    data: Any
    next_cursor: str | None = None


def workflows_router(
    access: V2Access,
    authoring: HttpDeployClient,
    drafts: DraftService,
    deployments: DeploymentService,
    run_counts: RunCounts,
) -> APIRouter:
    """Workflows and their deployments."""
    router = v2_router(400, 401, 403, 404, 413, 429, 503, prefix="/api/v2/workflows")
    AnyCaller = Annotated[Caller, Depends(access.caller)]  # noqa: N806 - a type
    WorkflowCaller = Annotated[Caller, Depends(access.to_workflow)]  # noqa: N806 - a type

    @router.get("", response_model=Listed, summary="List workflows")
    async def list_workflows(caller: AnyCaller, query: Annotated[WorkflowQuery, Query()]) -> Response:
        rows, cursor = await listed(caller, authoring, run_counts, query)
        return StructResponse(raw_json(Listed(data=rows, next_cursor=cursor)), headers=NO_STORE)

    models = Data[ImportedWorkflow], Anything
    add_file_routes(router, access, authoring, drafts, answer=_answer, models=models, error=ErrorAnswer)
    add_deployment_routes(router, access, deployments, answer=_answer, model=Data[Deployment], error=ErrorAnswer)

    @router.get("/{workflow_id}/deployment", response_model=Data[DeploymentState], summary="Get the deployment")
    async def state(caller: WorkflowCaller, workflow_id: str) -> Response:
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
        return await _answer(caller, body)

    @router.get("/{workflow_id}/versions", response_model=Anything, summary="List versions")
    async def versions(
        caller: WorkflowCaller,
        workflow_id: str,
        limit: Annotated[int, Query(ge=1, le=100)] = 50,
        cursor: Annotated[int | None, Query(ge=1, le=MAX_NUMBER)] = None,
    ) -> Response:
        caller.require(Scope.READ)
        page = await authoring.versions(caller.workspace.id, workflow_id, before=cursor, limit=limit)
        next_cursor = None if page.next_before is None else str(page.next_before)
        body = Anything(data=[version_row(each) for each in page.versions], next_cursor=next_cursor)
        return StructResponse(raw_json(body), headers=NO_STORE)

    @router.get("/{workflow_id}/versions/{version}", response_model=Anything, summary="Get a version")
    async def version(
        caller: WorkflowCaller, workflow_id: str, version: Annotated[int, Path(ge=1, lt=MAX_NUMBER)]
    ) -> Response:
        caller.require(Scope.READ)
        found = await authoring.version(caller.workspace.id, workflow_id, version)
        row = version_row(found.version).model_dump(by_alias=True)
        return StructResponse({"data": {**row, "state": found.state}}, headers=NO_STORE)

    return router


async def _answer(caller: Caller, data: BaseModel | msgspec.Raw, status_code: int = 200) -> Response:
    document = raw_json(data) if isinstance(data, BaseModel) else data
    return StructResponse({"data": document}, status_code, NO_STORE)
