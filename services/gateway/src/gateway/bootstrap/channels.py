"""Other channels to live workflows: OpenAI's clients, MCP tools, agents, chats."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter

from gateway.a2a.routes import agents_router
from gateway.a2a.server_routes import A2aEndpoint, a2a_router
from gateway.a2a.service import AgentPublications, PublishedAgents
from gateway.a2a.task_service import AgentTasks
from gateway.bootstrap.callers import Callers
from gateway.bootstrap.outside import Outside
from gateway.bootstrap.runs import RunServices
from gateway.bootstrap.workflows import WorkflowServices
from gateway.chat.codes import ChatCodes
from gateway.chat.mail import Outbox
from gateway.chat.routes import chat_manage_router
from gateway.chat.service import ChatPublications
from gateway.chat.session_routes import ChatEndpoint, chat_session_router
from gateway.chat.sessions import ChatSessions
from gateway.mcp.routes import tool_servers_router
from gateway.mcp.server_routes import McpEndpoint, mcp_router
from gateway.mcp.service import PublishedTools, ToolServerPublications
from gateway.openai.routes import CompletionsEndpoint, completions_router, models_router
from gateway.run_endpoints.services import EndpointServices
from gateway.settings import GatewaySettings


@dataclass(frozen=True, slots=True)
class Tools:
    """Services that expose workflows as tools."""

    published: PublishedTools
    endpoint: McpEndpoint


def build_tools(
    settings: GatewaySettings, outside: Outside, services: EndpointServices, workflows: WorkflowServices
) -> Tools:
    """Build them with the protocol's own package."""
    published = PublishedTools(outside.tool_servers, workflows.interfaces, outside.clock)
    return Tools(published, McpEndpoint(services, published, max_body_bytes=settings.max_body_bytes))


def channel_routers(
    settings: GatewaySettings,
    outside: Outside,
    callers: Callers,
    *,
    runs: RunServices,
    workflows: WorkflowServices,
    tools: Tools,
    outbox: Outbox,
) -> Sequence[APIRouter]:
    """Return the routers. Authors' chat routes precede those of visitors, which match any word as an address."""
    url, settle, services = settings.base_url, callers.revocations.settle, runs.services
    publications = ToolServerPublications(
        outside.tool_servers, callers.endpoints, tools.published, callers.audit, settle
    )
    return (
        completions_router(CompletionsEndpoint(services, workflows.interfaces, outside.clock)),
        models_router(callers.authentication, callers.endpoints, callers.rate_limits, outside.deploy),
        tool_servers_router(callers.legacy, publications, public_url=url),
        mcp_router(tools.endpoint),
        *_agent_routers(settings, outside, callers, runs, workflows),
        *_chat_routers(settings, outside, callers, services=services, workflows=workflows, outbox=outbox),
    )


def _agent_routers(
    settings: GatewaySettings, outside: Outside, callers: Callers, runs: RunServices, workflows: WorkflowServices
) -> Sequence[APIRouter]:
    url, services = settings.base_url, runs.services
    published = PublishedAgents(outside.agents, callers.endpoints, workflows.interfaces, outside.clock)
    tasks = AgentTasks(services.executions, runs.workflow_runs, runs.follower, runs.paused_runs)
    publications = AgentPublications(
        outside.agents,
        callers.endpoints,
        workflows.deployments,
        published,
        audit=callers.audit,
        settle=callers.revocations.settle,
    )
    endpoint = A2aEndpoint(services, published, tasks, write_seconds=settings.stream_write_seconds, public_url=url)
    return agents_router(callers.legacy, callers.endpoints, publications, public_url=url), a2a_router(endpoint)


def _chat_routers(
    settings: GatewaySettings,
    outside: Outside,
    callers: Callers,
    *,
    services: EndpointServices,
    workflows: WorkflowServices,
    outbox: Outbox,
) -> Sequence[APIRouter]:
    url, passwords = settings.base_url, outside.passwords
    sessions = ChatSessions(
        outside.chats,
        callers.endpoints,
        workflows.interfaces,
        passwords=passwords,
        attempts=callers.attempts,
        clock=outside.clock,
    )
    publications = ChatPublications(
        outside.chats,
        outside.deploy,
        workflows.deployments,
        sessions,
        passwords=passwords,
        outbox=outbox,
        audit=callers.audit,
        settle=callers.revocations.settle,
    )
    codes = ChatCodes(outside.entry_codes, outbox, passwords=passwords, attempts=callers.attempts, clock=outside.clock)
    return (
        chat_manage_router(callers.legacy, callers.endpoints, publications, public_url=url),
        chat_session_router(ChatEndpoint(services, sessions, codes, callers.limits, public_url=url)),
    )
