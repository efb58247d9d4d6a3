"""`/api/workflows/{id}/diff` and `/problems`: changes and validation problems as text."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from gateway.access.domain.credentials import Caller, Scope
from gateway.web.bodies import Wire
from gateway.web.routes import AUTHORING, WorkspaceAccess, legacy_router
from gateway.workflows.ports import Authoring
from shared.contracts.changes import Change
from shared.contracts.problems import Problem
from shared.workflow.validate.acceptance import acceptance_name

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


def changes_router(access: WorkspaceAccess, authoring: Authoring) -> APIRouter:
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
        return Changes(changes=[_row(change) for change in found.changes])

    @router.get("/problems", summary="Validate the draft")
    async def problems(caller: WorkflowCaller, workflow_id: str) -> Problems:
        caller.require(Scope.READ)
        found = await authoring.problems(caller.workspace.id, workflow_id)
        return Problems(
            errors=[_problem(each) for each in found.errors], warnings=[_problem(each) for each in found.warnings]
        )

    return router


def _row(change: Change) -> ChangeRow:
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
