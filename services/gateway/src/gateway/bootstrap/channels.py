"""Other ways to live workflows: OpenAI's clients, tools of MCP servers, other people's agents, chats."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter

from gateway.bootstrap.callers import Callers
from gateway.bootstrap.outside import Outside
from gateway.bootstrap.runs import Running
from gateway.bootstrap.workflows import Authored
from gateway.features.a2a.agents import AgentServing
from gateway.features.a2a.routes import agents_router
from gateway.features.a2a.server_routes import A2aDoor, a2a_router
from gateway.features.a2a.service import AgentPublishing
from gateway.features.a2a.task_service import AgentTasks
from gateway.features.chat.email_codes import ChatCodes
from gateway.features.chat.outbox import Outbox
from gateway.features.chat.routes import chat_manage_router
from gateway.features.chat.service import ChatPublishing
from gateway.features.chat.session_routes import ChatDoor, chat_visit_router
from gateway.features.chat.sessions import ChatVisits
from gateway.features.mcp.routes import tool_servers_router
from gateway.features.mcp.server_routes import McpDoor, mcp_router
from gateway.features.mcp.service import ToolPublishing
from gateway.features.mcp.tools import ToolServing
from gateway.features.openai.models_routes import models_router
from gateway.features.openai.routes import CompletionsDoor, completions_router
from gateway.run_endpoints.services import Reception
from gateway.settings import GatewaySettings


@dataclass(frozen=True, slots=True)
class Tools:
    """What serves workflows as tools."""

    serving: ToolServing
    door: McpDoor


def serve_tools(settings: GatewaySettings, outside: Outside, reception: Reception, authored: Authored) -> Tools:
    """With the protocol's own package."""
    serving = ToolServing(outside.tool_servers, authored.interfaces, outside.clock)
    return Tools(serving, McpDoor(reception, serving, max_body_bytes=settings.max_body_bytes))


def channel_routers(
    settings: GatewaySettings,
    outside: Outside,
    callers: Callers,
    *,
    running: Running,
    authored: Authored,
    tools: Tools,
    outbox: Outbox,
) -> Sequence[APIRouter]:
    """The routes of a chat's authors stand before those of its visitors, which take any word for an address."""
    url, settle, reception = settings.base_url, callers.revocations.settle, running.reception
    publishing = ToolPublishing(outside.tool_servers, callers.endpoints, tools.serving, callers.audit, settle)
    return (
        completions_router(CompletionsDoor(reception, authored.interfaces, outside.clock)),
        models_router(callers.authentication, callers.endpoints, callers.limiting, outside.deploy),
        tool_servers_router(callers.legacy, publishing, public_url=url),
        mcp_router(tools.door),
        *_agent_routers(settings, outside, callers, running, authored),
        *_chat_routers(settings, outside, callers, reception=reception, authored=authored, outbox=outbox),
    )


def _agent_routers(
    settings: GatewaySettings, outside: Outside, callers: Callers, running: Running, authored: Authored
) -> Sequence[APIRouter]:
    url, reception = settings.base_url, running.reception
    serving = AgentServing(outside.agents, callers.endpoints, authored.interfaces, outside.clock)
    tasks = AgentTasks(reception.executions, running.workflow_runs, running.following, running.resuming)
    publishing = AgentPublishing(
        outside.agents,
        callers.endpoints,
        authored.publishing,
        serving,
        audit=callers.audit,
        settle=callers.revocations.settle,
    )
    door = A2aDoor(reception, serving, tasks, write_seconds=settings.stream_write_seconds, public_url=url)
    return agents_router(callers.legacy, callers.endpoints, publishing, public_url=url), a2a_router(door)


def _chat_routers(
    settings: GatewaySettings,
    outside: Outside,
    callers: Callers,
    *,
    reception: Reception,
    authored: Authored,
    outbox: Outbox,
) -> Sequence[APIRouter]:
    url, passwords = settings.base_url, outside.passwords
    visits = ChatVisits(
        outside.chats,
        callers.endpoints,
        authored.interfaces,
        passwords=passwords,
        attempts=callers.attempts,
        clock=outside.clock,
    )
    publishing = ChatPublishing(
        outside.chats,
        outside.deploy,
        authored.publishing,
        visits,
        passwords=passwords,
        outbox=outbox,
        audit=callers.audit,
        settle=callers.revocations.settle,
    )
    codes = ChatCodes(outside.entry_codes, outbox, passwords=passwords, attempts=callers.attempts, clock=outside.clock)
    return (
        chat_manage_router(callers.legacy, callers.endpoints, publishing, public_url=url),
        chat_visit_router(ChatDoor(reception, visits, codes, callers.limits, public_url=url)),
    )
