"""`/api/v1/workflows`: list, show, import, export, deploy, undeploy, roll back."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.domain.credentials import Caller, Scope
from gateway.http.bodies import json_of
from gateway.http.etags import Seen
from gateway.http.schemas import answers
from gateway.runs.application.run_counts import RunTallies, Tallies
from gateway.wire.common.models import DeployBody, ImportBody, RollbackBody, WorkflowQuery
from gateway.wire.common.presenters import deployment, imported, summary, undeployed
from gateway.wire.common.workflows import file_of, listed
from gateway.wire.v1.access import V1Access
from gateway.wire.v1.errors import v1_router
from gateway.wire.v1.models import (
    DeploymentAnswer,
    ErrorAnswer,
    ExportAnswer,
    Imported,
    InputField,
    WorkflowAnswer,
    WorkflowDetail,
    WorkflowList,
)
from gateway.workflows.application.deployment import DeploymentService
from gateway.workflows.application.drafts import DraftService
from gateway.workflows.ports import Authoring
from shared.contracts.deployments import Draft, Workflow
from shared.web.structs import StructResponse
from shared.workflow.format.reader import read_state
from shared.workflow.format.start import input_fields


def detail(workflow: Workflow, draft: Draft, tallies: Tallies | None) -> WorkflowDetail:
    """Present a workflow with its draft's inputs."""
    fields = [
        InputField(
            name=field.name, type=field.type, **({"description": field.description} if field.description else {})
        )
        for field in input_fields(read_state(draft.state))
    ]
    variables = draft.state.get("variables")
    return WorkflowDetail(
        **summary(workflow, tallies).model_dump(),
        variables=variables if isinstance(variables, dict) else {},
        inputs=fields,
    )


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


def deployments_router(access: V1Access, publishing: DeploymentService) -> APIRouter:
    """Return the routes, for a key with the deploy scope."""
    router = v1_router("Deployment", 400, 401, 403, 404, 413, 429, 503, prefix="/api/v1/workflows/{workflow_id}")
    Known = Annotated[Caller, Depends(access.to_deployment)]  # noqa: N806 - a type

    @router.post(
        "/deploy",
        response_model_exclude_unset=True,
        responses=answers(ErrorAnswer, 412),
    )
    async def deploy(
        caller: Known, workflow_id: str, body: Annotated[DeployBody, Depends(json_of(DeployBody))], seen: Seen
    ) -> DeploymentAnswer:
        deployed = await publishing.deploy(
            caller, workflow_id, name=body.name, description=body.description, expected_revision=seen
        )
        return DeploymentAnswer(data=deployment(deployed), limits=await access.limits(caller))

    @router.delete("/deploy", response_model_exclude_unset=True)
    async def undeploy(caller: Known, workflow_id: str) -> DeploymentAnswer:
        endpoint = await publishing.undeploy(caller, workflow_id)
        return DeploymentAnswer(data=undeployed(endpoint), limits=await access.limits(caller))

    @router.post("/rollback", response_model_exclude_unset=True)
    async def roll_back(
        caller: Known, workflow_id: str, body: Annotated[RollbackBody, Depends(json_of(RollbackBody))]
    ) -> DeploymentAnswer:
        deployed = await publishing.roll_back(caller, workflow_id, body.version)
        return DeploymentAnswer(data=deployment(deployed), limits=await access.limits(caller))

    return router
