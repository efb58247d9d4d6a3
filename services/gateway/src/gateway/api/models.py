"""Bodies that v1 and v2 share, and functions that build them from contracts."""

from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Header
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from gateway.runs.logs import CountsByWorkflow
from gateway.web.bodies import NO_NULL_NUMBER, RequestBody, Wire
from gateway.workflows.deployment import Gate
from shared.clock import iso
from shared.contracts.deployments import Deployed, Endpoint, Version, Workflow
from shared.contracts.jobs import CancelAnswer, CancelReason
from shared.errors import InvalidRequest

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


AcceptedWarnings = Annotated[list[Annotated[str, StringConstraints(max_length=300)]], Field(max_length=1000)]


ACCEPTED_WARNINGS: Final = Field(
    None,
    description="Names of warnings: `code:block`, or `code` without a block. If given, any other one refuses it.",
)


Description = Annotated[str, StringConstraints(max_length=2000)]


class Cost(Wire):
    """Spend of a run on models, in US dollars."""

    total: float


class WorkflowQuery(BaseModel):
    """Filter of workflows, listed oldest first."""

    model_config = ConfigDict(alias_generator=to_camel)

    workspace_id: str = Field(min_length=1)
    folder_id: str | None = Field(None, max_length=200)
    deployed_only: bool = False
    limit: int = Field(50, ge=1, le=100)
    cursor: str | None = Field(None, max_length=500)


class ImportBody(RequestBody):
    """Workflow file and its target."""

    workspace_id: str
    id: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="Refused if a workflow of the workspace has this id: none is overwritten.",
    )
    workflow: Any = Field(description="An export, a bare state, the JSON text of either, or the text of a YAML file.")
    name: Name | None = None
    description: Description | None = None
    folder_id: str | None = None
    input_validation: Literal["off", "strict"] | None = Field(
        None, description="Default: `strict` for a YAML file, else `off`."
    )


class GateBody(RequestBody):
    """Replay that must have passed on exactly this content."""

    replay_id: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    override: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)] | None = Field(
        None, description="Reason to deploy even if it has not passed; needs the admin scope and is audited."
    )


def gate_of(body: GateBody | None) -> Gate | None:
    """Return the gate of a request."""
    return None if body is None else Gate(body.replay_id, body.override)


GATE: Final = Field(None, description="Refuse unless this replay of recorded runs has passed.")


class DeployBody(RequestBody):
    """Name and description of the new version, and the accepted warnings."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    description: Annotated[str, StringConstraints(max_length=50_000)] | None = None
    accepted_warnings: AcceptedWarnings | None = ACCEPTED_WARNINGS
    gate: GateBody | None = GATE


class RollbackBody(RequestBody):
    """Version to roll back to; by default the one before the live one."""

    version: Annotated[int | None, NO_NULL_NUMBER] = Field(None, ge=1, le=2**31)
    gate: GateBody | None = GATE


class ImportedWorkflow(Wire):
    """Imported workflow."""

    id: str
    name: str
    description: str
    workspace_id: str
    folder_id: str | None
    created_at: str
    updated_at: str


class WorkflowSummary(ImportedWorkflow):
    """Workflow in a list."""

    is_deployed: bool
    deployed_at: str | None
    run_count: int | None = Field(description="Finished runs; null if unavailable.")
    last_run_at: str | None = Field(description="End of the last finished run; null if there is none.")


class ActiveDeployment(Wire):
    """Live version."""

    deployment_version_id: str
    version: int
    deployed_at: str | None


def active_deployment(endpoint: Endpoint) -> ActiveDeployment | None:
    """Present the live version, None without one."""
    if endpoint.version is None or endpoint.version_id is None:
        return None
    deployed_at = endpoint.deployed_at
    return ActiveDeployment(
        deployment_version_id=endpoint.version_id,
        version=endpoint.version,
        deployed_at=iso(deployed_at) if deployed_at else None,
    )


class Deployment(Wire):
    """Result of a deploy, rollback or undeploy."""

    id: str
    is_deployed: bool
    deployed_at: str | None
    version: int | None = None
    unchanged: bool | None = Field(None, description="Whether this state was live already.")
    warnings: list[str]
    active_deployment: ActiveDeployment | None = None


def imported(workflow: Workflow) -> ImportedWorkflow:
    """Present an imported workflow."""
    return ImportedWorkflow(
        id=workflow.id,
        name=workflow.name,
        description=workflow.description,
        workspace_id=workflow.workspace_id,
        folder_id=workflow.folder_id,
        created_at=iso(workflow.created_at),
        updated_at=iso(workflow.updated_at),
    )


def summary(workflow: Workflow, counts: CountsByWorkflow | None) -> WorkflowSummary:
    """Present a workflow in a list."""
    deployed_at = workflow.endpoint.deployed_at
    found = counts.get(workflow.id) if counts else None
    return WorkflowSummary(
        **imported(workflow).model_dump(),
        is_deployed=workflow.endpoint.is_deployed,
        deployed_at=iso(deployed_at) if deployed_at else None,
        run_count=found.runs if found else None if counts is None else 0,
        last_run_at=iso(found.last_ended_at) if found else None,
    )


def deployment(deployed: Deployed) -> Deployment:
    """Present the result of a deploy or rollback."""
    active = active_deployment(deployed.endpoint)
    return Deployment(
        id=deployed.endpoint.workflow_id,
        is_deployed=active is not None,
        deployed_at=active.deployed_at if active else None,
        version=deployed.version.number,
        unchanged=deployed.unchanged,
        warnings=list(deployed.warnings),
        active_deployment=active,
    )


def undeployed(endpoint: Endpoint) -> Deployment:
    """Present the result of an undeploy."""
    return Deployment(id=endpoint.workflow_id, is_deployed=False, deployed_at=None, warnings=[])


class VersionRow(Wire):
    """Deployed version."""

    id: str
    version: int
    name: str | None
    description: str | None
    is_active: bool
    created_at: str
    created_by: str
    deployed_by: str | None


MAX_NUMBER: Final = 2**31


def version_row(version: Version) -> VersionRow:
    """Present a version."""
    return VersionRow(
        id=version.id,
        version=version.number,
        name=version.name,
        description=version.description,
        is_active=version.is_live,
        created_at=iso(version.created_at),
        created_by=version.created_by,
        deployed_by=version.deployed_by,
    )


def cancel_facts(answer: CancelAnswer) -> dict[str, Any]:
    """Present the result of a cancel."""
    return {
        "redisAvailable": True,
        "durablyRecorded": answer.reason != CancelReason.ALREADY_CANCELLED,
        "locallyAborted": False,
        "pausedCancelled": answer.was_paused,
        "reason": answer.reason,
    }


_WEAK: Final = "W/"
"""Prefix that compressing proxies add to an ETag."""


def etag(revision: int) -> str:
    """Return a draft's revision as an ETag."""
    return f'"{revision}"'


def revision_in(if_match: str | None) -> int | None:
    """Return the revision a change requires; None for any. Raises InvalidRequest."""
    if if_match is None or if_match == "*":
        return None
    revision = if_match.removeprefix(_WEAK).removeprefix('"').removesuffix('"')
    if not (revision.isascii() and revision.isdigit() and len(revision) <= 15):
        raise InvalidRequest("If-Match must be the ETag of a draft")
    return int(revision)


def _known(
    if_none_match: Annotated[
        str | None, Header(max_length=50, description="ETag of a known draft; 304 if it is still the latest.")
    ] = None,
) -> int | None:
    try:
        return revision_in(if_none_match)
    except InvalidRequest:  # the ETag of another resource, or several
        return None


def _expected_by_save(
    if_match: Annotated[
        str | None,
        Header(max_length=50, description="ETag of the draft to replace; 409 if it was saved since."),
    ] = None,
) -> int | None:
    return revision_in(if_match)


def _expected_by_deploy(
    if_match: Annotated[
        str | None,
        Header(max_length=50, description="ETag of the draft to deploy; 412 if it was saved since."),
    ] = None,
) -> int | None:
    return revision_in(if_match)


KnownRevision = Annotated[int | None, Depends(_known)]
"""Revision that a reader knows."""


SaveRevision = Annotated[int | None, Depends(_expected_by_save)]
"""Revision that a save requires."""


DeployRevision = Annotated[int | None, Depends(_expected_by_deploy)]
"""Revision that a deploy requires."""
