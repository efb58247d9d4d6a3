"""`/api/workflows/{id}/deploy` and the deployment status."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.domain.credentials import Caller, Scope
from gateway.http.access import WorkspaceAccess
from gateway.http.bodies import json_of, json_value, validated
from gateway.http.etags import DeployRevision
from gateway.http.routers import AUTHORING, legacy_router
from gateway.http.schemas import Error, answers, described
from gateway.parsing.errors import MalformedJson
from gateway.wire.common.models import gate_of
from gateway.wire.common.presenters import active_deployment
from gateway.wire.legacy.authoring_models import (
    AccessBody,
    AccessState,
    DeployBody,
    DeployedState,
    DeploymentState,
    DeployResult,
    RecordingBody,
    StatusState,
)
from gateway.workflows.application.deployment import DeploymentService
from gateway.workflows.ports import Authoring
from shared.clock import iso
from shared.contracts.deployments import Deployed, DeploymentStatus, Endpoint, UpdateAccess
from shared.contracts.recording_policy import RecordingPolicy
from shared.errors import InvalidRequest
from shared.web.routes import StructResponse

KEYS_SHOWN: Final = "Workspace API keys"
NO_STORE: Final = {"cache-control": "no-store"}


def deployment_router(access: WorkspaceAccess, authoring: Authoring, deployments: DeploymentService) -> APIRouter:
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

    @router.get("/deploy")
    async def deployment(caller: WorkflowCaller, workflow_id: str) -> DeploymentState:
        caller.require(Scope.READ)
        return _state(await authoring.status(caller.workspace.id, workflow_id))

    @router.post(
        "/deploy",
        response_model_exclude_none=True,
        openapi_extra=described(DeployBody),
        responses=answers(Error, 409, 412),
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

    @router.delete("/deploy", response_model_exclude_unset=True)
    async def undeploy(caller: WorkflowCaller, workflow_id: str) -> DeployResult:
        await deployments.undeploy(caller, workflow_id)
        return DeployResult(is_deployed=False, deployed_at=None, api_key=None)

    @router.patch("/deploy")
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

    @router.get("/deployed", response_model=DeployedState)
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
    """Return the requested change. Raises InvalidRequest if there is none."""
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
