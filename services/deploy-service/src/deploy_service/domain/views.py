"""Views of records for the other services."""

from deploy_service.domain.workflow import RESTORABLE_FOR, Version, Workflow
from shared.contracts import deployments as contracts


def endpoint_view(workflow: Workflow) -> contracts.Endpoint:
    """Return the view of `workflow` for callers."""
    live = workflow.live
    return contracts.Endpoint(
        workflow_id=workflow.id,
        workspace_id=workflow.workspace_id,
        name=workflow.name,
        revision=workflow.revision,
        is_public=workflow.is_public,
        stores_data=workflow.stores_data,
        input_validation=workflow.input_validation,
        recording=workflow.recording,
        version=live.number if live else None,
        version_id=live.version_id if live else None,
        snapshot_hash=live.snapshot_hash if live else None,
        deployed_at=live.since if live else None,
    )


def workflow_view(workflow: Workflow) -> contracts.Workflow:
    """Return the view of `workflow` for its authors."""
    return contracts.Workflow(
        id=workflow.id,
        workspace_id=workflow.workspace_id,
        name=workflow.name,
        description=workflow.description,
        folder_id=workflow.folder_id,
        created_at=workflow.created_at,
        updated_at=workflow.updated_at,
        endpoint=endpoint_view(workflow),
    )


def deleted_view(workflow: Workflow) -> contracts.DeletedWorkflow:
    """Return the view of an archived workflow."""
    purged_at = workflow.deleted_at + RESTORABLE_FOR if workflow.deleted_at else None
    return contracts.DeletedWorkflow(
        id=workflow.id,
        name=workflow.name,
        description=workflow.description,
        deleted_at=workflow.deleted_at or workflow.updated_at,
        purged_at=purged_at,
        version=workflow.last_live.number if workflow.last_live else None,
    )


def version_view(version: Version, workflow: Workflow) -> contracts.Version:
    """Return the view of `version`; only `workflow` knows which is live."""
    return contracts.Version(
        id=version.id,
        workflow_id=version.workflow_id,
        number=version.number,
        snapshot_hash=version.snapshot_hash,
        is_live=workflow.live is not None and workflow.live.version_id == version.id,
        created_at=version.created_at,
        created_by=version.created_by,
        deployed_by=version.deployed_by,
        name=version.name,
        description=version.description,
    )
