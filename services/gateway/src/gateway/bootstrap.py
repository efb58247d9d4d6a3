"""Puts the gateway together: the one place that knows concrete classes."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final

from fastapi import FastAPI
from starlette.middleware import Middleware

from gateway.adapters.argon2 import Argon2Passwords
from gateway.adapters.attached_runs import BrokerAttachedRuns
from gateway.adapters.bucket_store import INDEXES as BUCKET_INDEXES
from gateway.adapters.bucket_store import BucketStore
from gateway.adapters.cancels import Cancels
from gateway.adapters.chat_service import ChatService
from gateway.adapters.control import ControlListener
from gateway.adapters.deploy_service import DeployService
from gateway.adapters.follow_up import FollowUpService
from gateway.adapters.followed_runs import BrokerFollowedRuns
from gateway.adapters.idempotency_store import INDEXES as IDEMPOTENCY_INDEXES
from gateway.adapters.idempotency_store import IdempotencyStore
from gateway.adapters.jobs_service import JobsService
from gateway.adapters.tenant_store import INDEXES, TenantStore
from gateway.adapters.tool_server_service import ToolServerService
from gateway.api.app_errors import register_error_handlers
from gateway.api.attached import AttachedAnswers
from gateway.api.auth.cookies import SessionCookie
from gateway.api.auth.sessions import sessions_router
from gateway.api.block_types import block_types_router
from gateway.api.canvas_streams import CanvasStreams
from gateway.api.chat.manage import chat_manage_router
from gateway.api.chat.visit import ChatDoor, chat_visit_router
from gateway.api.chat_page import chat_page_router
from gateway.api.console import ConsoleFiles
from gateway.api.counted_access import CountedAccess
from gateway.api.docs_page import docs_page_router
from gateway.api.event_streams import RunEventStreams
from gateway.api.guards import CorsGuard, RequestGuard
from gateway.api.legacy.access import LegacyAccess
from gateway.api.legacy.authoring import authoring_router
from gateway.api.legacy.changes import changes_router
from gateway.api.legacy.deployment import deployment_router
from gateway.api.legacy.errors import present_execute_error
from gateway.api.legacy.execute import ExecuteDoor, execute_router
from gateway.api.legacy.files import files_router
from gateway.api.legacy.interface import interface_router
from gateway.api.legacy.jobs import jobs_router
from gateway.api.legacy.notifications import notifications_router
from gateway.api.legacy.resuming import resuming_router
from gateway.api.legacy.runs import runs_router
from gateway.api.legacy.usage import usage_router
from gateway.api.legacy.versions import versions_router
from gateway.api.limiting import Limiting
from gateway.api.mcp.manage import tool_servers_router
from gateway.api.mcp.serve import McpDoor, mcp_router
from gateway.api.once import OnceOnly
from gateway.api.openai.completions import CompletionsDoor, completions_router, models_router
from gateway.api.reception import Reception
from gateway.api.root import root_router
from gateway.api.session_guard import SessionGuard
from gateway.api.v1.access import V1Access
from gateway.api.v1.audit_logs import audit_logs_router
from gateway.api.v1.dead_letters import dead_letters_router as v1_dead_letters_router
from gateway.api.v1.deployments import deployments_router as v1_deployments_router
from gateway.api.v1.logs import logs_router as v1_logs_router
from gateway.api.v1.workflows import workflows_router as v1_workflows_router
from gateway.api.v2.errors import present_execute_error as present_v2_execute_error
from gateway.api.v2.events import events_router
from gateway.api.v2.execute import V2ExecuteDoor
from gateway.api.v2.execute import execute_router as v2_execute_router
from gateway.api.v2.runs import runs_router as v2_runs_router
from gateway.api.v2.workflows import workflows_router as v2_workflows_router
from gateway.api.workspaces.erasures import erasures_router
from gateway.api.workspaces.invitations import invitations_router
from gateway.api.workspaces.queue import queue_router
from gateway.api.workspaces.routers import workspace_routers
from gateway.application.admission import AdmissionGate
from gateway.application.api_keys import ApiKeys
from gateway.application.attempts import Attempts
from gateway.application.audit import AuditLog
from gateway.application.authentication import Authentication
from gateway.application.chat_publishing import ChatPublishing
from gateway.application.chat_visits import ChatVisits
from gateway.application.draft_runs import DraftRuns
from gateway.application.editing import Editing
from gateway.application.endpoints import Endpoints
from gateway.application.environment_values import EnvironmentValues
from gateway.application.erasing import Erasing
from gateway.application.executions import Executions
from gateway.application.first_start import FirstKey, FirstPassword, FirstStart
from gateway.application.following import Following
from gateway.application.idempotency import Idempotency
from gateway.application.interfaces import Interfaces
from gateway.application.key_uses import KeyUses
from gateway.application.publishing import Publishing
from gateway.application.rate_limiter import RateLimiter
from gateway.application.rate_limits import RateLimits
from gateway.application.redriving import Redriving
from gateway.application.resuming import Resuming
from gateway.application.revocations import Revocations
from gateway.application.run_logs import RunLogs
from gateway.application.sessions import Sessions
from gateway.application.spend_cap import SpendCap
from gateway.application.teams import Teams
from gateway.application.tool_publishing import ToolPublishing
from gateway.application.tool_serving import ToolServing
from gateway.application.usage import UsageReports
from gateway.application.webhooks import Webhooks
from gateway.application.workflow_runs import WorkflowRuns
from gateway.domain.addresses import networks
from gateway.metrics import count_by_workspace
from gateway.ports import (
    AuditEntries,
    Buckets,
    ChatKeeper,
    DeployKeeper,
    FollowUps,
    IdempotencyRecords,
    Passwords,
    RunKeeper,
    TenantDatabase,
    ToolServerKeeper,
)
from gateway.settings import GatewaySettings
from shared.broker.connect import open_broker
from shared.broker.ports import Broker
from shared.clock import Clock, SystemClock
from shared.service import Component, ServiceName
from shared.store.audit import INDEXES as AUDIT_INDEXES
from shared.store.audit import AuditStore
from shared.store.client import Store
from shared.web.app import create_app
from shared.web.client import InternalClient
from shared.web.guards import BodyLimit
from shared.web.internal_auth import ServiceTokens
from shared.workflow.catalog import installed_catalog

ERASURE_MARGIN: Final = timedelta(minutes=5)
"""How long after its time limit a run may still be recorded."""
ANSWER_SECONDS: Final = 2.0
"""What is left of the drain time to tell callers that their run was ended."""


def build(
    settings: GatewaySettings,
    *,
    broker: Broker | None = None,
    store: TenantDatabase | None = None,
    buckets: Buckets | None = None,
    deploy: DeployKeeper | None = None,
    chats: ChatKeeper | None = None,
    tool_servers: ToolServerKeeper | None = None,
    jobs: RunKeeper | None = None,
    follow_ups: FollowUps | None = None,
    calls: IdempotencyRecords | None = None,
    audit_entries: AuditEntries | None = None,
    clock: Clock | None = None,
    passwords: Passwords | None = None,
    on_first_key: Callable[[FirstKey], None] | None = None,
    on_first_password: Callable[[FirstPassword], None] | None = None,
) -> FastAPI:
    """The gateway of `settings`, with any part replaced.

    `on_first_key` is told the clear text of a key with every scope, if the system has no key yet; `on_first_password`
    the admin's password, if one had to be made.
    """
    count_by_workspace(settings.metrics_by_workspace)
    clock = clock or SystemClock()
    broker = broker or open_broker(settings.amqp_url, service=ServiceName.GATEWAY)
    store, buckets, calls, audit_entries = _kept(settings, store, buckets, calls, audit_entries)
    clients, deploy, jobs, follow_ups, chats, tool_servers = _services(
        settings, deploy, jobs, follow_ups, chats=chats, tool_servers=tool_servers
    )
    passwords = passwords or Argon2Passwords()
    revocations = Revocations(broker.control, settle_seconds=settings.settle_seconds)
    audit = AuditLog(audit_entries, clock)
    sessions = Sessions(
        store,
        store,
        passwords=passwords,
        attempts=(attempts := Attempts(store, clock)),
        revocations=revocations,
        audit=audit,
        clock=clock,
    )
    key_uses = KeyUses(store, clock)
    authentication = Authentication(store, sessions.visit, key_uses, clock)
    revocations.also_tell(authentication.on_control)
    cookie = SessionCookie(settings.base_url)
    teams = Teams(store, store, sessions, audit, clock, plan=settings.default_plan, settle=revocations.settle)
    endpoints = Endpoints(deploy, clock, stale_seconds=settings.endpoint_stale_seconds)
    cancels = Cancels(broker.control, clock)
    runs = BrokerAttachedRuns(
        broker,
        cancels,
        queue_wait_seconds=settings.queue_wait_seconds,
        margin_seconds=settings.run_margin_seconds,
    )
    plans = settings.plans()
    limits = RateLimits(
        RateLimiter(buckets, clock),
        plans,
        window_seconds=settings.rate_limit_window_ms / 1000,
        per_address=settings.rate_limit_public_address,
    )
    limiting = Limiting(limits, clock, trusted=networks(settings.trusted_proxies))
    reports = UsageReports(limits, jobs, plans)
    followed = BrokerFollowedRuns(broker, jobs)
    cap = SpendCap(jobs, clock)
    executions = Executions(
        endpoints,
        runs,
        jobs,
        jobs,
        followed,
        drafts=DraftRuns(deploy, jobs, jobs),
        limits=limits,
        cap=cap,
        plans=plans,
    )
    workflow_runs = WorkflowRuns(jobs, runs, jobs)
    following = Following(workflow_runs, followed, jobs, jobs)
    streams = RunEventStreams(executions, following, write_seconds=settings.stream_write_seconds)
    canvas = CanvasStreams(executions, following, clock, write_seconds=settings.stream_write_seconds)
    reception = Reception(
        gate=AdmissionGate(settings.admission_gate_max_inflight, per_workspace=settings.workspace_max_inflight),
        authentication=authentication,
        endpoints=endpoints,
        executions=executions,
        attached=AttachedAnswers(executions, write_seconds=settings.stream_write_seconds),
        limiting=limiting,
    )
    idempotency = Idempotency(calls, jobs, clock)
    erasing = Erasing(
        store,
        (deploy, jobs),
        calls,
        endpoints=endpoints,
        revocations=revocations,
        audit=audit,
        clock=clock,
        settle=timedelta(seconds=max(plan.sync_seconds for plan in plans.values())) + ERASURE_MARGIN,
    )
    door = ExecuteDoor(
        reception, canvas, once=OnceOnly(idempotency, present_execute_error), public_url=settings.base_url
    )
    v2_door = V2ExecuteDoor(
        reception,
        streams=streams,
        once=OnceOnly(idempotency, present_v2_execute_error),
        public_url=settings.base_url,
    )
    editing = Editing(deploy, endpoints, audit, clock)
    publishing = Publishing(deploy, endpoints, audit, revocations.settle)
    interfaces = Interfaces(endpoints, deploy, installed_catalog(), clock)
    visits = ChatVisits(chats, endpoints, interfaces, passwords=passwords, attempts=attempts, clock=clock)
    tool_serving = ToolServing(tool_servers, interfaces, clock)
    mcp_door = McpDoor(reception, tool_serving, max_body_bytes=settings.max_body_bytes)
    chat_publishing = ChatPublishing(
        chats, deploy, publishing, visits, passwords=passwords, audit=audit, settle=revocations.settle
    )
    access = LegacyAccess(authentication, endpoints, limiting)
    v2_access = CountedAccess(authentication, endpoints, limiting)
    v1_access = V1Access(authentication, endpoints, limiting, reports=reports, clock=clock)
    resuming = Resuming(workflow_runs, jobs)
    app = create_app(
        ServiceName.GATEWAY,
        components=[
            broker,
            store,
            *clients,
            key_uses,
            FirstStart(
                store,
                passwords,
                clock,
                settings.default_plan,
                admin_email=settings.admin_email,
                admin_password=settings.admin_password.get_secret_value(),
                tell_key=on_first_key,
                tell_password=on_first_password,
            ),
            cancels,
            runs,
            followed,
            idempotency,
            mcp_door,
            erasing,
            ControlListener(broker.control, [authentication.on_control, endpoints.on_control]),
        ],
        checks={"broker": broker.ping, "store": store.ping},
        routers=[
            execute_router(door),
            sessions_router(sessions, authentication, cookie, limiting, clock),
            invitations_router(authentication, sessions, teams, cookie=cookie, limiting=limiting, clock=clock),
            *workspace_routers(
                access,
                teams,
                ApiKeys(store, revocations, audit, clock),
                EnvironmentValues(deploy, audit),
                audit,
                public_url=settings.base_url,
            ),
            queue_router(access, jobs),
            erasures_router(access, erasing),
            jobs_router(authentication, limiting, jobs, jobs),
            usage_router(authentication, limiting, reports, clock),
            v2_execute_router(v2_door),
            events_router(v2_access, streams),
            v2_runs_router(v2_access, workflow_runs, resuming, public_url=settings.base_url),
            v1_workflows_router(v1_access, deploy, editing),
            v1_deployments_router(v1_access, publishing),
            v2_workflows_router(v2_access, deploy, editing, publishing),
            v1_logs_router(v1_access, RunLogs(jobs, jobs, deploy)),
            v1_dead_letters_router(v1_access, follow_ups, Redriving(follow_ups, jobs, plans, audit)),
            audit_logs_router(v1_access, audit),
            notifications_router(access, follow_ups, Webhooks(follow_ups, audit)),
            runs_router(access, workflow_runs, canvas),
            resuming_router(access, resuming, public_url=settings.base_url),
            deployment_router(access, deploy, publishing),
            versions_router(access, deploy, editing, publishing),
            changes_router(access, deploy),
            interface_router(access, interfaces, public_url=settings.base_url),
            docs_page_router(),
            completions_router(CompletionsDoor(reception, interfaces, clock)),
            models_router(authentication, limiting, deploy),
            tool_servers_router(
                access,
                ToolPublishing(tool_servers, endpoints, tool_serving, audit, revocations.settle),
                public_url=settings.base_url,
            ),
            mcp_router(mcp_door),
            chat_manage_router(access, endpoints, chat_publishing, public_url=settings.base_url),
            chat_visit_router(ChatDoor(reception, visits, limits, public_url=settings.base_url)),
            chat_page_router(),
            authoring_router(access, deploy, editing, publishing),
            block_types_router(access, installed_catalog()),
            files_router(authentication, jobs),
            root_router(settings.base_url, ConsoleFiles()),
        ],
        middleware=[
            Middleware(CorsGuard, public_url=settings.base_url),
            Middleware(RequestGuard),
            Middleware(SessionGuard, public_url=settings.base_url, trusted_origins=settings.trusted_origins),
            Middleware(BodyLimit, limit=settings.max_body_bytes),
        ],
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    register_error_handlers(app)
    app.state.on_drain = partial(runs.drain, max(0.0, settings.drain_seconds - ANSWER_SECONDS))
    return app


def _kept(
    settings: GatewaySettings,
    store: TenantDatabase | None,
    buckets: Buckets | None,
    calls: IdempotencyRecords | None,
    audit_entries: AuditEntries | None,
) -> tuple[TenantDatabase, Buckets, IdempotencyRecords, AuditEntries]:
    """What is given, and the rest in the gateway's own database, which is opened only where it is needed."""
    if store and buckets and calls and audit_entries:
        return store, buckets, calls, audit_entries
    indexes = (*INDEXES, *BUCKET_INDEXES, *IDEMPOTENCY_INDEXES, *AUDIT_INDEXES)
    database = Store(settings.mongodb_uri, f"{settings.mongodb_prefix}_gateway", indexes)
    return (
        store or TenantStore(database),
        buckets or BucketStore(database),
        calls or IdempotencyStore(database),
        audit_entries or AuditStore(database),
    )


def _services(
    settings: GatewaySettings,
    deploy: DeployKeeper | None,
    jobs: RunKeeper | None,
    follow_ups: FollowUps | None,
    *,
    chats: ChatKeeper | None,
    tool_servers: ToolServerKeeper | None,
) -> tuple[list[Component], DeployKeeper, RunKeeper, FollowUps, ChatKeeper, ToolServerKeeper]:
    """The other services as they are reached, with the clients that this takes."""
    clients: list[Component] = []
    if deploy is None:
        clients.append(client := _client(settings, settings.deploy_url))
        deploy = DeployService(client)
    if chats is None:
        clients.append(client := _client(settings, settings.deploy_url))
        chats = ChatService(client)
    if tool_servers is None:
        clients.append(client := _client(settings, settings.deploy_url))
        tool_servers = ToolServerService(client)
    if jobs is None:
        clients.append(client := _client(settings, settings.jobs_url, patience=settings.restart_patience_seconds))
        jobs = JobsService(client)
    if follow_ups is None:
        clients.append(client := _client(settings, settings.jobs_url))
        follow_ups = FollowUpService(client)
    return clients, deploy, jobs, follow_ups, chats, tool_servers


def _client(settings: GatewaySettings, url: str, *, patience: float = 0.0) -> InternalClient:
    return InternalClient(
        url,
        caller=ServiceName.GATEWAY,
        tokens=ServiceTokens.of(settings),
        timeout=settings.internal_timeout_seconds,
        patience=patience,
    )
