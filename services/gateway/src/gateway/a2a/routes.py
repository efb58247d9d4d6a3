"""`/api/a2a/agents` and `/api/workflows/{id}/a2a`, for authors of agents."""

from typing import Annotated

from fastapi import APIRouter, Depends

from gateway.a2a.models import AgentBody, AgentChangeBody, AgentStatus, AgentView, view_of
from gateway.a2a.service import AgentPublications
from gateway.access.credentials import Caller
from gateway.web.bodies import Message, json_of
from gateway.web.routes import AUTHORING, WorkspaceAccess, legacy_router
from gateway.workflows.endpoints import Endpoints
from shared.contracts.agents import Agent


def agents_router(
    access: WorkspaceAccess, endpoints: Endpoints, publications: AgentPublications, *, public_url: str
) -> APIRouter:
    """Return the routes: reads need the read scope, changes the admin scope."""
    router = legacy_router("A2A", *AUTHORING)
    AnyCaller = Annotated[Caller, Depends(access.caller)]  # noqa: N806 - a type
    WorkflowCaller = Annotated[Caller, Depends(access.to_workflow)]  # noqa: N806 - a type

    async def shown(agent: Agent) -> AgentView:
        return view_of(agent, public_url, is_public=await publications.is_public(agent))

    @router.get("/api/workflows/{workflow_id}/a2a", summary="Get the agent of a workflow")
    async def status(caller: WorkflowCaller, workflow_id: str) -> AgentStatus:
        agent = await publications.of(caller, workflow_id)
        return AgentStatus(agent=None if agent is None else await shown(agent))

    @router.post("/api/a2a/agents", status_code=201, summary="Publish a workflow as an agent")
    async def create(caller: AnyCaller, body: Annotated[AgentBody, Depends(json_of(AgentBody))]) -> AgentView:
        endpoint = await endpoints.get(body.workflow_id)
        caller = caller.on(endpoint.workspace_id, endpoint.workflow_id)
        settings = body.settings(endpoint.name)
        return await shown(await publications.create(caller, endpoint, settings, is_public=body.is_public))

    @router.get("/api/a2a/agents/{agent_id}", summary="Get an agent")
    async def get(caller: AnyCaller, agent_id: str) -> AgentView:
        _, agent = await publications.get(caller, agent_id)
        return await shown(agent)

    @router.patch("/api/a2a/agents/{agent_id}", summary="Change an agent")
    async def change(
        caller: AnyCaller, agent_id: str, body: Annotated[AgentChangeBody, Depends(json_of(AgentChangeBody))]
    ) -> AgentView:
        return await shown(await publications.change(caller, agent_id, body.changes(), is_public=body.is_public))

    @router.delete("/api/a2a/agents/{agent_id}", summary="Delete an agent")
    async def delete(caller: AnyCaller, agent_id: str) -> Message:
        await publications.delete(caller, agent_id)
        return Message(message="Agent deleted")

    return router
