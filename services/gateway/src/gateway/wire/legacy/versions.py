"""`/api/workflows/{id}/deployments`: list, rename, promote and load versions."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends
from msgspec import UNSET
from starlette.responses import Response

from gateway.access.domain.credentials import Caller, Scope
from gateway.http.access import WorkspaceAccess
from gateway.http.bodies import json_of
from gateway.http.routers import AUTHORING, legacy_router
from gateway.wire.common.models import gate_of
from gateway.wire.common.presenters import MAX_NUMBER, VersionRow, active_deployment, version_row
from gateway.wire.legacy.authoring_models import DeployedState, Reverted, VersionBody, VersionChange, VersionRows
from gateway.workflows.application.deployment import DeploymentService
from gateway.workflows.application.drafts import DraftService
from gateway.workflows.ports import Authoring
from shared.clock import epoch_ms
from shared.contracts.deployments import UpdateVersion
from shared.errors import InvalidRequest
from shared.web.routes import StructResponse

PAGE: Final = 500
MAX_PAGES: Final = 20


def versions_router(
    access: WorkspaceAccess, authoring: Authoring, drafts: DraftService, deployments: DeploymentService
) -> APIRouter:
    """Return routes of versions: reads need the read scope, changes the deploy scope."""
    router = legacy_router("Deployment", *AUTHORING, prefix="/api/workflows/{workflow_id}/deployments")
    WorkflowCaller = Annotated[Caller, Depends(access.to_workflow)]  # noqa: N806 - a type

    @router.get("")
    async def list_versions(caller: WorkflowCaller, workflow_id: str) -> VersionRows:
        caller.require(Scope.READ)
        rows: list[VersionRow] = []
        before = None
        for _ in range(MAX_PAGES):
            page = await authoring.versions(caller.workspace.id, workflow_id, before=before, limit=PAGE)
            rows += map(version_row, page.versions)
            before = page.next_before
            if before is None:
                break
        return VersionRows(versions=rows)

    @router.get("/{version}", response_model=DeployedState)
    async def version_state(caller: WorkflowCaller, workflow_id: str, version: str) -> Response:
        caller.require(Scope.READ)
        found = await authoring.version(caller.workspace.id, workflow_id, _number(version))
        return StructResponse({"deployedState": found.state})

    @router.patch("/{version}", response_model_exclude_unset=True)
    async def change_version(
        caller: WorkflowCaller,
        workflow_id: str,
        version: str,
        body: Annotated[VersionBody, Depends(json_of(VersionBody))],
    ) -> VersionChange:
        caller.require(Scope.WRITE if body.is_active is None else Scope.DEPLOY)  # before a text is changed
        number = _number(version)
        if body.name is None and "description" not in body.model_fields_set and body.is_active is None:
            raise InvalidRequest("At least one of name, description, or isActive must be provided")
        texts = await _texts(drafts, caller, workflow_id, number, body)
        if body.is_active is None:
            return texts
        promoted = await deployments.promote(caller, workflow_id, number, gate=gate_of(body.gate))
        active = active_deployment(promoted.endpoint)
        return texts.model_copy(
            update={
                "success": True,
                "deployed_at": active.deployed_at if active else None,
                "active_deployment": active,
                **({"warnings": list(promoted.warnings)} if promoted.warnings else {}),
            }
        )

    @router.post("/{version}/revert")
    async def revert(caller: WorkflowCaller, workflow_id: str, version: str) -> Reverted:
        state = version if version == "active" else str(_number(version))
        saved = await deployments.load(caller, workflow_id, state)
        return Reverted(message="Reverted to deployment version", last_saved=epoch_ms(saved.saved_at))

    return router


async def _texts(
    drafts: DraftService, caller: Caller, workflow_id: str, number: int, body: VersionBody
) -> VersionChange:
    wants_description = "description" in body.model_fields_set
    if body.name is None and not wants_description:
        return VersionChange()
    change = UpdateVersion(
        name=UNSET if body.name is None else body.name,
        description=body.description if wants_description else UNSET,
    )
    changed = await drafts.update_version(caller, workflow_id, number, change)
    return VersionChange(name=changed.name, description=changed.description)


def _number(version: str) -> int:
    if not (version.isascii() and version.isdigit() and len(version) <= 10 and 0 < int(version) < MAX_NUMBER):
        raise InvalidRequest("Invalid version")
    return int(version)
