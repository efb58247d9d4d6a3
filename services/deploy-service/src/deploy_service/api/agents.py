"""Agent routes for the gateway."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from deploy_service.api.parameters import WorkspaceId
from deploy_service.application.agents import Agents
from shared.contracts.agents import AgentSettings, CreateAgent
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens, only
from shared.web.structs import StructResponse, struct_body

CreateBody = Annotated[CreateAgent, Depends(struct_body(CreateAgent))]
SettingsBody = Annotated[AgentSettings, Depends(struct_body(AgentSettings))]


def agents_router(agents: Agents, tokens: ServiceTokens) -> APIRouter:
    """Return `/internal/agents`, and the route for a workflow's agent."""
    router = APIRouter(prefix="/internal", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])

    @router.post("/agents")
    async def create(body: CreateBody) -> Response:
        return StructResponse(await agents.create(body), status_code=201)

    @router.get("/workflows/{workflow_id}/agent")
    async def of(workflow_id: str, workspace_id: WorkspaceId) -> Response:
        return StructResponse(await agents.of(workspace_id, workflow_id))

    @router.get("/agents/{agent_id}")
    async def get(agent_id: str) -> Response:
        return StructResponse(await agents.get(agent_id))

    @router.put("/agents/{agent_id}")
    async def save(agent_id: str, body: SettingsBody, expected_revision: int | None = None) -> Response:
        return StructResponse(await agents.save(agent_id, body, expected_revision))

    @router.delete("/agents/{agent_id}")
    async def delete(agent_id: str) -> Response:
        await agents.delete(agent_id)
        return Response(status_code=204)

    return router
