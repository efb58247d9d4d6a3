"""`/api/v1/workflows`: list, show, import, export, deploy, undeploy, roll back."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from gateway.access.credentials import Caller, Scope
from gateway.api.models import Deployment, ImportedWorkflow, WorkflowQuery, summary
from gateway.api.workflows import add_deployment_routes, add_file_routes, listed
from gateway.runs.logs import CountsByWorkflow, RunCounts
from gateway.v1.routes import ErrorAnswer, InputField, Limited, V1Access, WorkflowDetail, WorkflowList, v1_router
from gateway.workflows.deployment import DeploymentService
from gateway.workflows.drafts import DraftService
from shared.clients.deploy.workflows import HttpDeployClient
from shared.contracts.deployments import Draft, Workflow
from shared.workflow.format.reader import read_state
from shared.workflow.format.start import input_fields


def detail(workflow: Workflow, draft: Draft, counts: CountsByWorkflow | None) -> WorkflowDetail:
    """Present a workflow with its draft's inputs."""
    fields = [
        InputField(
            name=field.name, type=field.type, **({"description": field.description} if field.description else {})
        )
        for field in input_fields(read_state(draft.state))
    ]
    variables = draft.state.get("variables")
    return WorkflowDetail(
        **summary(workflow, counts).model_dump(),
        variables=variables if isinstance(variables, dict) else {},
        inputs=fields,
    )


def workflows_router(
    access: V1Access, authoring: HttpDeployClient, drafts: DraftService, run_counts: RunCounts
) -> APIRouter:
    """Return routes of workflows, for a key with the read or deploy scope."""
    router = v1_router("Workflows", 400, 401, 403, 404, 413, 429, 503, prefix="/api/v1/workflows")
    AnyCaller = Annotated[Caller, Depends(access.caller)]  # noqa: N806 - a type
    WorkflowCaller = Annotated[Caller, Depends(access.to_workflow)]  # noqa: N806 - a type

    @router.get("", response_model_exclude_unset=True, summary="List workflows")
    async def list_workflows(caller: AnyCaller, query: Annotated[WorkflowQuery, Query()]) -> WorkflowList:
        caller = caller.within(query.workspace_id)
        rows, cursor = await listed(caller, authoring, run_counts, query)
        found = WorkflowList(data=rows, limits=await access.limits(caller))
        if cursor is not None:
            found.next_cursor = cursor
        return found

    @router.get("/{workflow_id}", response_model_exclude_unset=True, summary="Get a workflow")
    async def get_workflow(caller: WorkflowCaller, workflow_id: str) -> Limited[WorkflowDetail]:
        caller.require(Scope.READ)
        workflow = await authoring.get(caller.workspace.id, workflow_id)
        draft = await authoring.draft(caller.workspace.id, workflow_id)
        known = await run_counts.of(caller.workspace.id, [workflow_id])
        return Limited(data=detail(workflow, draft, known), limits=await access.limits(caller))

    models = Limited[ImportedWorkflow], Limited[dict[str, Any]]
    add_file_routes(router, access, authoring, drafts, answer=access.answer, models=models, error=ErrorAnswer)
    return router


def deployments_router(access: V1Access, deployments: DeploymentService) -> APIRouter:
    """Return the routes, for a key with the deploy scope."""
    router = v1_router("Deployment", 400, 401, 403, 404, 413, 429, 503, prefix="/api/v1/workflows")
    model = Limited[Deployment]
    add_deployment_routes(router, access, deployments, answer=access.answer, model=model, error=ErrorAnswer)
    return router
