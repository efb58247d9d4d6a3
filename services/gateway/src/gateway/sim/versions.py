"""`/api/workflows/{id}/deploy` and `/deployments`: deploy; list, rename, promote and load versions."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.credentials import Caller, Scope
from gateway.api.models import MAX_NUMBER, DeployRevision, VersionRow, active_deployment, gate_of, version_row
from gateway.parsing.json_body import MalformedJson
from gateway.sim.authoring_models import (
    AccessBody,
    AccessState,
    DeployBody,
    DeployedState,
    DeploymentState,
    DeployResult,
    RecordingBody,
    Reverted,
    StatusState,
    VersionBody,
    VersionChange,
    VersionRows,
)
from gateway.web.bodies import json_of, json_value, validated
from gateway.web.routes import AUTHORING, Error, WorkspaceAccess, answers, described, legacy_router
from gateway.workflows.deployment import DeploymentService
from gateway.workflows.drafts import DraftService
from shared.clients.deploy.workflows import HttpDeployClient
from shared.clock import epoch_ms, iso
from shared.contracts.deployments import Deployed, DeploymentStatus, Endpoint, UpdateAccess, UpdateVersion
from shared.contracts.recording_policy import RecordingPolicy
from shared.errors import InvalidRequest
from shared.web.struct_bodies import StructResponse

PAGE: Final = 500


MAX_PAGES: Final = 20


KEYS_SHOWN: Final = "Workspace API keys"


NO_STORE: Final = {"cache-control": "no-store"}


def versions_router(
    access: WorkspaceAccess, authoring: HttpDeployClient, drafts: DraftService, deployments: DeploymentService
) -> APIRouter:
    """Return routes of versions: reads need the read scope, changes the deploy scope."""
    router = legacy_router("Deployment", *AUTHORING, prefix="/api/workflows/{workflow_id}/deployments")
    WorkflowCaller = Annotated[Caller, Depends(access.to_workflow)]  # noqa: N806 - a type

    @router.get("", summary="List versions")
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

    @router.get("/{version}", response_model=DeployedState, summary="Get the workflow of a version")
    async def version_state(caller: WorkflowCaller, workflow_id: str, version: str) -> Response:
        caller.require(Scope.READ)
        found = await authoring.version(caller.workspace.id, workflow_id, _number(version))
        return StructResponse({"deployedState": found.state})

    @router.patch(
        "/{version}", response_model_exclude_unset=True, summary="Change the name of a version, or make it live"
    )
    async def change_version(
        caller: WorkflowCaller,
        workflow_id: str,
        version: str,
        body: Annotated[VersionBody, Depends(json_of(VersionBody))],
    ) -> VersionChange:
        caller.require(Scope.WRITE if body.is_active is None else Scope.DEPLOY)  # before any change
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

    @router.post("/{version}/revert", summary="Replace the draft by a version")
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


def deployment_router(
    access: WorkspaceAccess, authoring: HttpDeployClient, deployments: DeploymentService
) -> APIRouter:
    """Return routes of deployments: reads need the read scope, changes the deploy scope."""
    router = legacy_router("Deployment", *AUTHORING, prefix="/api/workflows/{workflow_id}")
    WorkflowCaller = Annotated[Caller, Depends(access.to_workflow)]  # noqa: N806 - a type

    @router.get("/status", summary="Get the deployment status")
    async def status(caller: WorkflowCaller, workflow_id: str) -> StatusState:
        caller.require(Scope.READ, Scope.EXECUTE)
        found = await authoring.status(caller.workspace.id, workflow_id)
        return StatusState(
            is_deployed=found.endpoint.is_deployed,
            deployed_at=_moment(found.endpoint),
            needs_redeployment=found.needs_redeployment,
        )

    @router.get("/deploy", summary="Get the deployment")
    async def deployment(caller: WorkflowCaller, workflow_id: str) -> DeploymentState:
        caller.require(Scope.READ)
        return _state(await authoring.status(caller.workspace.id, workflow_id))

    @router.post(
        "/deploy",
        response_model_exclude_none=True,
        openapi_extra=described(DeployBody),
        responses=answers(Error, 409, 412),
        summary="Deploy a workflow",
    )
    async def deploy(
        caller: WorkflowCaller,
        workflow_id: str,
        body: Annotated[DeployBody, Depends(_deploy_body)],
        expected_revision: DeployRevision,
    ) -> DeployResult:
        deployed = await deployments.deploy(
            caller,
            workflow_id,
            expected_revision=expected_revision,
            accepted_warnings=body.accepted_warnings,
            gate=gate_of(body.gate),
        )
        return _deployed(deployed)

    @router.delete("/deploy", response_model_exclude_unset=True, summary="Undeploy a workflow")
    async def undeploy(caller: WorkflowCaller, workflow_id: str) -> DeployResult:
        await deployments.undeploy(caller, workflow_id)
        return DeployResult(is_deployed=False, deployed_at=None, api_key=None)

    @router.patch("/deploy", summary="Change public access, input validation, recording and storage")
    async def set_access(
        caller: WorkflowCaller,
        workflow_id: str,
        body: Annotated[AccessBody, Depends(json_of(AccessBody, headline="Validation error"))],
    ) -> AccessState:
        changed = (await deployments.set_access(caller, workflow_id, _change(body))).endpoint
        return AccessState(
            is_public_api=changed.is_public,
            store_inputs_and_outputs=changed.stores_data,
            input_validation=changed.input_validation,
            recording=_recording(changed),
        )

    @router.get("/deployed", response_model=DeployedState, summary="Get the workflow of the live version")
    async def deployed_state(caller: WorkflowCaller, workflow_id: str) -> Response:
        caller.require(Scope.READ)
        live = (await authoring.status(caller.workspace.id, workflow_id)).endpoint.version
        state = None if live is None else (await authoring.version(caller.workspace.id, workflow_id, live)).state
        return StructResponse({"deployedState": state}, headers=NO_STORE)

    return router


async def _deploy_body(request: Request) -> DeployBody:
    """Return the body. Clients of Sim may send any other body here, which is ignored."""
    try:
        body = json_value(await request.body())
    except MalformedJson:
        body = None
    return validated(DeployBody, body if isinstance(body, dict) else {})


def _moment(endpoint: Endpoint) -> str | None:
    return iso(endpoint.deployed_at) if endpoint.deployed_at else None


def _state(found: DeploymentStatus) -> DeploymentState:
    endpoint = found.endpoint
    return DeploymentState(
        is_deployed=endpoint.is_deployed,
        deployed_at=_moment(endpoint),
        api_key=KEYS_SHOWN if endpoint.is_deployed else None,
        needs_redeployment=found.needs_redeployment,
        is_public_api=endpoint.is_public,
        store_inputs_and_outputs=endpoint.stores_data,
        input_validation=endpoint.input_validation,
        recording=_recording(endpoint),
        active_deployment=active_deployment(endpoint),
    )


def _deployed(deployed: Deployed) -> DeployResult:
    return DeployResult(
        is_deployed=True,
        deployed_at=_moment(deployed.endpoint),
        api_key=KEYS_SHOWN,
        unchanged=deployed.unchanged or None,
        warnings=list(deployed.warnings) or None,
        active_deployment=active_deployment(deployed.endpoint),
    )


def _change(body: AccessBody) -> UpdateAccess:
    """Return the requested change. Raises InvalidRequest if nothing is to change."""
    sets_recording = "recording" in body.model_fields_set
    given = (body.is_public_api, body.store_inputs_and_outputs, body.input_validation)
    if not sets_recording and all(value is None for value in given):
        raise InvalidRequest("At least one of isPublicApi or storeInputsAndOutputs must be provided")
    return UpdateAccess(
        is_public=UNSET if body.is_public_api is None else body.is_public_api,
        stores_data=UNSET if body.store_inputs_and_outputs is None else body.store_inputs_and_outputs,
        input_validation=UNSET if body.input_validation is None else body.input_validation,
        recording=_policy(body.recording) if sets_recording else UNSET,
    )


def _policy(body: RecordingBody | None) -> RecordingPolicy | None:
    return None if body is None else RecordingPolicy(body.sample, body.failures, body.days)


def _recording(endpoint: Endpoint) -> RecordingBody | None:
    policy = endpoint.recording
    return None if policy is None else RecordingBody(sample=policy.sample, failures=policy.failures, days=policy.days)
