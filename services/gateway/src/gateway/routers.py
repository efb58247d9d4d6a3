"""Routers of workspaces and of channels."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from fastapi import APIRouter

from gateway.a2a.routes import agents_router
from gateway.a2a.server_routes import A2aEndpoint, a2a_router
from gateway.a2a.service import AgentPublications, AgentTasks, PublishedAgents
from gateway.chat.codes import ChatCodes
from gateway.chat.mail import Outbox
from gateway.chat.routes import chat_manage_router
from gateway.chat.service import ChatPublications
from gateway.chat.session_routes import ChatEndpoint, chat_session_router
from gateway.chat.sessions import ChatSessions
from gateway.dead_letters.routes import RedriveService, dead_letters_router
from gateway.deletion.routes import deleted_workflows_router, erasures_router
from gateway.deletion.service import DeletedWorkflows, DeletionService
from gateway.keys.routes import personal_keys_router, workspace_keys_router
from gateway.keys.service import ApiKeys
from gateway.mcp.routes import tool_servers_router
from gateway.mcp.server_routes import McpEndpoint, mcp_router
from gateway.mcp.service import PublishedTools, ToolServerPublications
from gateway.members.accounts import SessionCookie, invitations_router, sessions_router
from gateway.members.routes import workspaces_router
from gateway.members.service import MemberService
from gateway.openai.routes import CompletionsEndpoint, completions_router, models_router
from gateway.outside import Outside
from gateway.runs.logs import RunLogs, SpendCap
from gateway.settings import GatewaySettings
from gateway.streams.services import EndpointServices
from gateway.v1.logs import logs_router
from gateway.v2.statistics import statistics_router
from gateway.webhooks.routes import Webhooks, notifications_router
from gateway.wiring import Callers, RunServices, WorkflowServices
from gateway.workspaces.audit import audit_logs_router, audit_router
from gateway.workspaces.environment import personal_environment_router, queue_router, workspace_environment_router

ERASURE_MARGIN: Final = timedelta(minutes=5)
"""Time after its time limit in which a run may still be recorded."""


def build_deletion_service(outside: Outside, callers: Callers) -> DeletionService:
    """Build the permanent deletion of workflows and workspaces."""
    longest = max(plan.sync_seconds for plan in callers.plans.values())
    return DeletionService(
        outside.store,
        outside.deploy,
        (outside.deploy, outside.jobs),
        outside.calls,
        endpoints=callers.endpoints,
        revocations=callers.revocations,
        audit=callers.audit,
        clock=outside.clock,
        settle=timedelta(seconds=longest) + ERASURE_MARGIN,
    )


def people_routers(
    settings: GatewaySettings, outside: Outside, callers: Callers, deletions: DeletionService
) -> Sequence[APIRouter]:
    """Return routers for signed-in users, and for admins' keys."""
    clock, audit, cookie = outside.clock, callers.audit, SessionCookie(settings.base_url)
    sessions, authentication, rate_limits = callers.sessions, callers.authentication, callers.rate_limits

    async def settle() -> None:
        """Invalidate this gateway's caches, and wait for the others' leases: team changes are not broadcast."""
        authentication.forget()
        await callers.revocations.settle()

    deleted = DeletedWorkflows(
        outside.deploy,
        outside.store,
        endpoints=callers.endpoints,
        revocations=callers.revocations,
        audit=audit,
    )
    teams = MemberService(
        outside.store,
        outside.store,
        sessions,
        audit,
        clock,
        plan=settings.default_plan,
        settle=settle,
    )
    access = callers.legacy
    keys = ApiKeys(outside.store, callers.revocations, audit, clock)
    return (
        sessions_router(sessions, authentication, cookie, rate_limits, clock),
        invitations_router(authentication, sessions, teams, cookie=cookie, rate_limits=rate_limits, clock=clock),
        workspaces_router(access, teams, public_url=settings.base_url),
        workspace_keys_router(access, keys),
        personal_keys_router(access, keys),
        workspace_environment_router(access, outside.deploy, audit),
        personal_environment_router(access, outside.deploy, audit),
        audit_router(access, audit),
        erasures_router(access, deletions),
        deleted_workflows_router(access, deleted),
    )


def operations_routers(settings: GatewaySettings, outside: Outside, callers: Callers) -> Sequence[APIRouter]:
    """Return routers of run logs and statistics, dead letters, audit log and webhooks."""
    jobs, letters, webhooks, audit = outside.jobs, outside.dead_letters, outside.webhooks, callers.audit
    logs = RunLogs(jobs, jobs, outside.deploy)
    redrives = RedriveService(
        letters,
        jobs,
        callers.endpoints,
        plans=callers.plans,
        limits=callers.limits,
        cap=SpendCap(jobs, outside.clock),
        audit=audit,
    )
    return (
        queue_router(callers.legacy, jobs),
        logs_router(callers.v1, logs),
        statistics_router(callers.v2, logs),
        dead_letters_router(callers.v1, letters, redrives, public_url=settings.base_url),
        audit_logs_router(callers.v1, audit),
        notifications_router(callers.legacy, webhooks, Webhooks(webhooks, audit, callers.revocations.settle)),
    )


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
