"""`/api/v1/workflows/{id}`: deploy, undeploy, rollback."""

from typing import Annotated

from fastapi import APIRouter, Depends

from gateway.access.domain.credentials import Caller
from gateway.http.bodies import json_of
from gateway.http.etags import Seen
from gateway.http.schemas import answers
from gateway.wire.common.models import DeployBody, RollbackBody
from gateway.wire.common.presenters import deployment, undeployed
from gateway.wire.v1.access import V1Access
from gateway.wire.v1.errors import v1_router
from gateway.wire.v1.models import DeploymentAnswer, ErrorAnswer
from gateway.workflows.application.deployment import DeploymentService


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
