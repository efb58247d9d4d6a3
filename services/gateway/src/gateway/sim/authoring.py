"""`/api/workflows`: create, list, rename, archive, and the draft under `/state`."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.credentials import Caller, Scope
from gateway.api.models import KnownRevision, SaveRevision, etag, imported
from gateway.runs.logs import CountsByWorkflow, RunCounts
from gateway.sim.authoring_models import CreateBody, Saved, UpdateBody, WorkflowRow
from gateway.web.bodies import Data, Done, Wire, json_of, json_value
from gateway.web.routes import AUTHORING, Error, WorkspaceAccess, answers, legacy_router
from gateway.workflows.deployment import DeploymentService
from gateway.workflows.drafts import DraftService
from gateway.workflows.endpoints import list_all_workflows
from shared.clients.deploy.workflows import HttpDeployClient
from shared.clock import iso
from shared.contracts.changes import Change
from shared.contracts.deployments import CreateWorkflow, SaveDraft, UpdateWorkflow, Workflow
from shared.contracts.problems import Problem
from shared.errors import InvalidRequest
from shared.web.struct_bodies import StructResponse
from shared.workflow.validate.acceptance import acceptance_name

MAX_LISTED_WORKFLOWS: Final = 10_000


def authoring_router(
    access: WorkspaceAccess,
    authoring: HttpDeployClient,
    drafts: DraftService,
    deployments: DeploymentService,
    run_counts: RunCounts,
) -> APIRouter:
    """Return routes of workflows and drafts, for editors."""
    router = legacy_router("Workflows", *AUTHORING, prefix="/api/workflows")
    AnyCaller = Annotated[Caller, Depends(access.caller)]  # noqa: N806 - a type
    WorkflowCaller = Annotated[Caller, Depends(access.to_workflow)]  # noqa: N806 - a type

    @router.get("", summary="List workflows")
    async def list_workflows(
        caller: AnyCaller, workspace_id: Annotated[str | None, Query(alias="workspaceId")] = None
    ) -> Data[list[WorkflowRow]]:
        caller = caller.within(workspace_id or caller.workspace.id)
        caller.require(Scope.READ)
        found = await list_all_workflows(authoring, caller.workspace.id, deployed_only=False, most=MAX_LISTED_WORKFLOWS)
        covered = [workflow for workflow in found if caller.covers(workflow.id)]
        known = await run_counts.of(caller.workspace.id, [workflow.id for workflow in covered])
        return Data(data=[row(workflow, known) for workflow in covered])

    @router.get("/modified", summary="List the workflows whose draft differs from the live version")
    async def modified(
        caller: AnyCaller, workspace_id: Annotated[str | None, Query(alias="workspaceId")] = None
    ) -> Data[list[str]]:
        caller = caller.within(workspace_id or caller.workspace.id)
        caller.require(Scope.READ)
        found = await authoring.modified(caller.workspace.id)
        return Data(data=[workflow_id for workflow_id in found.workflow_ids if caller.covers(workflow_id)])

    @router.post("", summary="Create a workflow")
    async def create(caller: AnyCaller, body: Annotated[CreateBody, Depends(json_of(CreateBody))]) -> WorkflowRow:
        caller = caller.within(body.workspace_id or caller.workspace.id)
        request = CreateWorkflow(
            workspace_id=caller.workspace.id,
            name=body.name,
            description=body.description,
            folder_id=body.folder_id,
            input_validation=body.input_validation,
        )
        return row(await drafts.create(caller, request))

    @router.put("/{workflow_id}", summary="Change the name or description of a workflow")
    async def update(
        caller: WorkflowCaller, workflow_id: str, body: Annotated[UpdateBody, Depends(json_of(UpdateBody))]
    ) -> WorkflowRow:
        change = UpdateWorkflow(**{name: getattr(body, name) for name in body.model_fields_set})
        return row(await drafts.update(caller, workflow_id, change))

    @router.delete("/{workflow_id}", summary="Delete a workflow, restorable for 30 days")
    async def archive(caller: WorkflowCaller, workflow_id: str) -> Done:
        await deployments.archive(caller, workflow_id)
        return Done()

    @router.get(
        "/{workflow_id}/state",
        response_model=dict[str, Any],
        responses={304: {"description": "The draft is the one of If-None-Match."}},
        summary="Get the draft",
    )
    async def draft(caller: WorkflowCaller, workflow_id: str, known: KnownRevision) -> Response:
        caller.require(Scope.READ)
        if known is not None:
            saved = await authoring.draft_revision(caller.workspace.id, workflow_id)
            if saved.revision == known:
                return Response(status_code=304, headers={"etag": etag(known)})
        found = await authoring.draft(caller.workspace.id, workflow_id)
        return StructResponse(found.state, headers={"etag": etag(found.revision)})

    @router.put(
        "/{workflow_id}/state", openapi_extra=_STATE_BODY, responses=answers(Error, 409), summary="Save the draft"
    )
    async def save_draft(
        caller: WorkflowCaller, workflow_id: str, request: Request, response: Response, expected_revision: SaveRevision
    ) -> Saved:
        caller.require(Scope.WRITE)
        state = json_value(await request.body())
        if not isinstance(state, dict):
            raise InvalidRequest("Invalid workflow: expected an object")
        save = SaveDraft(state=state, expected_revision=expected_revision)
        response.headers["etag"] = etag((await drafts.save_draft(caller, workflow_id, save)).revision)
        return Saved()

    return router


_STATE_BODY: Final = {
    "requestBody": {
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["blocks", "edges"],
                    "properties": {"blocks": {"type": "object"}, "edges": {"type": "array"}},
                }
            }
        }
    }
}


def row(workflow: Workflow, counts: CountsByWorkflow | None = None) -> WorkflowRow:
    """Present a workflow."""
    found = counts.get(workflow.id) if counts else None
    deployed_at = workflow.endpoint.deployed_at
    return WorkflowRow(
        **imported(workflow).model_dump(),
        is_deployed=workflow.endpoint.is_deployed,
        deployed_at=iso(deployed_at) if deployed_at else None,
        is_public_api=workflow.endpoint.is_public,
        live_version=workflow.endpoint.version,
        last_run_at=iso(found.last_ended_at) if found else None,
    )


STATE: Final = r"^(draft|active|[1-9][0-9]{0,8})$"


class ChangeRow(Wire):
    """Difference."""

    kind: str
    summary: str
    block_id: str | None
    block_name: str | None
    field: str | None
    before: Any
    after: Any


class Changes(Wire):
    changes: list[ChangeRow]


class ProblemRow(Wire):
    """Problem of a block or of the workflow."""

    code: str
    message: str
    block_id: str | None
    block_name: str | None
    fields: list[str]
    name: str = Field(description="Accepts the warning in a deploy's `acceptedWarnings`.")
    line: int | None = Field(description="Line within the setting, from 1.")
    column: int | None
    suggestion: str | None = Field(description="The nearest valid value.")


class Problems(Wire):
    """Errors prevent a deploy; warnings do so only if the deploy lists the accepted ones."""

    errors: list[ProblemRow]
    warnings: list[ProblemRow]


def changes_router(access: WorkspaceAccess, authoring: HttpDeployClient) -> APIRouter:
    """Return routes for readers of the workflow."""
    router = legacy_router("Deployment", *AUTHORING, prefix="/api/workflows/{workflow_id}")
    WorkflowCaller = Annotated[Caller, Depends(access.to_workflow)]  # noqa: N806 - a type
    State = Annotated[str, Query(pattern=STATE, description="`draft`, `active` or a version's number.")]  # noqa: N806

    @router.get("/diff", summary="Compare two states of a workflow")
    async def diff(
        caller: WorkflowCaller,
        workflow_id: str,
        before: Annotated[State, Query(alias="from")] = "active",
        after: Annotated[State, Query(alias="to")] = "draft",
    ) -> Changes:
        caller.require(Scope.READ)
        found = await authoring.diff(caller.workspace.id, workflow_id, before=before, after=after)
        return Changes(changes=[_change_row(change) for change in found.changes])

    @router.get("/problems", summary="Validate the draft")
    async def problems(caller: WorkflowCaller, workflow_id: str) -> Problems:
        caller.require(Scope.READ)
        found = await authoring.problems(caller.workspace.id, workflow_id)
        return Problems(
            errors=[_problem(each) for each in found.errors], warnings=[_problem(each) for each in found.warnings]
        )

    return router


def _change_row(change: Change) -> ChangeRow:
    return ChangeRow(
        kind=change.kind,
        summary=change.summary,
        block_id=change.block_id,
        block_name=change.block_name,
        field=change.field,
        before=change.before,
        after=change.after,
    )


def _problem(problem: Problem) -> ProblemRow:
    return ProblemRow(
        code=problem.code,
        message=problem.message,
        block_id=problem.block_id,
        block_name=problem.block_name,
        fields=list(problem.fields),
        name=acceptance_name(problem),
        line=problem.line,
        column=problem.column,
        suggestion=problem.suggestion,
    )
