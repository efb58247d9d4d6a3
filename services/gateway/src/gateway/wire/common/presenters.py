"""Presenters that two API generations share."""

from typing import Any, Final

from gateway.http.bodies import Wire
from gateway.runs.application.run_counts import Tallies
from gateway.wire.common.models import ActiveDeployment, Deployment, ImportedWorkflow, WorkflowSummary
from shared.clock import iso
from shared.contracts.cancels import CancelAnswer, CancelReason
from shared.contracts.deployments import Deployed, Endpoint, Version, Workflow


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


def summary(workflow: Workflow, tallies: Tallies | None) -> WorkflowSummary:
    """Present a workflow in a list."""
    deployed_at = workflow.endpoint.deployed_at
    tally = tallies.get(workflow.id) if tallies else None
    return WorkflowSummary(
        **imported(workflow).model_dump(),
        is_deployed=workflow.endpoint.is_deployed,
        deployed_at=iso(deployed_at) if deployed_at else None,
        run_count=tally.runs if tally else None if tallies is None else 0,
        last_run_at=iso(tally.last_ended_at) if tally else None,
    )


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
