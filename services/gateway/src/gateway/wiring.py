"""Services of callers, workflows and runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter

from gateway.access.audit import AuditLog
from gateway.access.authentication import Authentication, KeyUsage
from gateway.access.credentials import session_cookie
from gateway.access.passwords import SignInAttempts, networks
from gateway.access.plans import Plans
from gateway.access.rate_limits import RateLimiter, RateLimits
from gateway.access.sessions import Revocations, Sessions
from gateway.api_page import docs_page_router
from gateway.catalog.routes import block_types_router, conversions_router, models_router, workflow_schema_router
from gateway.idempotency.calls import IdempotentCalls
from gateway.idempotency.store import Idempotency
from gateway.outside import Outside
from gateway.recordings.routes import Recordings, recordings_router
from gateway.repairs.routes import repairs_router
from gateway.repairs.service import RepairService
from gateway.replays.routes import replays_router
from gateway.replays.service import ReplaySetService
from gateway.runs.attached import BrokerAttachedRuns
from gateway.runs.dispatch import Cancels, RunRecords
from gateway.runs.executions import AdmissionGate, Executions, InputChecks, RunFollower, StreamLimits
from gateway.runs.followed import BrokerFollowedRuns
from gateway.runs.logs import RunCounts, SpendCap, UsageReports
from gateway.runs.service import DraftRuns, PausedRuns, WorkflowRuns
from gateway.runs.stream_access import StreamAccess
from gateway.settings import GatewaySettings
from gateway.sim.authoring import authoring_router, changes_router
from gateway.sim.errors import present_execute_error
from gateway.sim.execute import ExecuteEndpoint, execute_router
from gateway.sim.files import files_router
from gateway.sim.interface import interface_router
from gateway.sim.runs import jobs_router, pauses_router, runs_router, usage_router
from gateway.sim.versions import deployment_router, versions_router
from gateway.streams.attached_stream import AttachedAnswers
from gateway.streams.canvas_frames import CanvasStreams
from gateway.streams.durable_stream import RunEventStreams
from gateway.streams.services import EndpointServices
from gateway.v1.routes import V1Access
from gateway.v1.workflows import deployments_router
from gateway.v1.workflows import workflows_router as v1_workflows_router
from gateway.v2.execute import V2ExecuteEndpoint
from gateway.v2.execute import execute_router as v2_execute_router
from gateway.v2.routes import V2Access
from gateway.v2.routes import present_execute_error as present_v2_execute_error
from gateway.v2.runs import events_router
from gateway.v2.runs import runs_router as v2_runs_router
from gateway.v2.workflows import workflows_router as v2_workflows_router
from gateway.web.rate_limit_headers import RateLimitHeaders
from gateway.web.routes import WorkspaceAccess
from gateway.workflows.deployment import DeploymentService
from gateway.workflows.drafts import DraftService
from gateway.workflows.endpoints import Endpoints, Interfaces
from shared.security.run_tickets import TicketSigner
from shared.workflow.catalog import installed_catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class Callers:
    """Caller services that all subjects share."""

    plans: Plans
    endpoints: Endpoints
    revocations: Revocations
    audit: AuditLog
    attempts: SignInAttempts
    sessions: Sessions
    key_uses: KeyUsage
    authentication: Authentication
    stream_access: StreamAccess
    limits: RateLimits
    rate_limits: RateLimitHeaders
    reports: UsageReports
    legacy: WorkspaceAccess
    v1: V1Access
    v2: V2Access


def build_caller_services(settings: GatewaySettings, outside: Outside) -> Callers:
    """Build them from the gateway's database and plans."""
    store, clock, plans = outside.store, outside.clock, settings.plans()
    revocations = Revocations(outside.broker.control, settle_seconds=settings.settle_seconds)
    audit, attempts = AuditLog(outside.audit_entries, clock), SignInAttempts(store, clock)
    sessions = Sessions(
        store,
        store,
        passwords=outside.passwords,
        attempts=attempts,
        revocations=revocations,
        audit=audit,
        clock=clock,
    )
    key_uses = KeyUsage(store, clock)
    authentication = Authentication(store, sessions, key_uses, clock, cookie=session_cookie(settings.base_url))
    revocations.add_local_listener(authentication.on_control)
    limits = _limits(settings, outside, plans)
    rate_limits = RateLimitHeaders(limits, clock, trusted=networks(settings.trusted_proxies))
    reports = UsageReports(limits, outside.jobs, plans)
    endpoints = Endpoints(outside.deploy, clock, stale_seconds=settings.endpoint_stale_seconds)
    stream_access = StreamAccess(authentication, endpoints)
    revocations.add_local_listener(stream_access.on_control)
    return Callers(
        plans=plans,
        endpoints=endpoints,
        revocations=revocations,
        audit=audit,
        attempts=attempts,
        sessions=sessions,
        key_uses=key_uses,
        authentication=authentication,
        stream_access=stream_access,
        limits=limits,
        rate_limits=rate_limits,
        reports=reports,
        legacy=WorkspaceAccess(authentication, endpoints, rate_limits),
        v1=V1Access(authentication, endpoints, rate_limits, reports=reports, clock=clock),
        v2=V2Access(authentication, endpoints, rate_limits),
    )


def _limits(settings: GatewaySettings, outside: Outside, plans: Plans) -> RateLimits:
    return RateLimits(
        RateLimiter(outside.buckets, outside.clock),
        plans,
        window_seconds=settings.rate_limit_window_ms / 1000,
        per_address=settings.rate_limit_address,
        public_per_address=settings.rate_limit_public_address,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunServices:
    """Services that start and follow runs."""

    cancels: Cancels
    attached: BrokerAttachedRuns
    followed: BrokerFollowedRuns
    idempotency: Idempotency
    workflow_runs: WorkflowRuns
    follower: RunFollower
    paused_runs: PausedRuns
    services: EndpointServices

    def drain(self, seconds: float) -> None:
        """Shut down: calls that still wait after `seconds` get an error."""
        self.attached.drain(seconds)
        self.followed.drain(seconds)


def build_run_services(settings: GatewaySettings, outside: Outside, callers: Callers) -> RunServices:
    """Build them over the broker and jobs-service."""
    jobs = outside.jobs
    cancels = Cancels(outside.broker.control, outside.clock)
    attached = BrokerAttachedRuns(
        outside.broker,
        cancels,
        RunRecords(outside.broker.work, outside.clock),
        outside.clock,
        signer=TicketSigner(settings.ticket_ring(), outside.clock),
        queue_wait_seconds=settings.queue_wait_seconds,
        margin_seconds=settings.run_margin_seconds,
    )
    followed = BrokerFollowedRuns(outside.broker, jobs)
    streams = StreamLimits(per_caller=settings.streams_per_caller, per_run=settings.streams_per_run)
    executions = Executions(
        callers.endpoints,
        attached,
        jobs,
        jobs,
        followed,
        drafts=DraftRuns(outside.deploy, jobs, jobs),
        inputs=InputChecks(Interfaces(callers.endpoints, outside.deploy, installed_catalog(), outside.clock)),
        limits=callers.limits,
        cap=SpendCap(jobs, outside.clock),
        plans=callers.plans,
        streams=streams,
    )
    workflow_runs = WorkflowRuns(jobs, attached, jobs)
    return RunServices(
        cancels=cancels,
        attached=attached,
        followed=followed,
        idempotency=Idempotency(outside.calls, jobs, outside.clock),
        workflow_runs=workflow_runs,
        follower=RunFollower(workflow_runs, followed, jobs, jobs, limits=streams),
        paused_runs=PausedRuns(workflow_runs, jobs),
        services=_services(settings, callers, executions),
    )


def _services(settings: GatewaySettings, callers: Callers, executions: Executions) -> EndpointServices:
    return EndpointServices(
        gate=AdmissionGate(settings.admission_gate_max_inflight, per_workspace=settings.workspace_max_inflight),
        authentication=callers.authentication,
        endpoints=callers.endpoints,
        executions=executions,
        attached=AttachedAnswers(executions, write_seconds=settings.stream_write_seconds),
        rate_limits=callers.rate_limits,
        access=callers.stream_access,
    )


def _repairs(outside: Outside, callers: Callers) -> RepairService:
    return RepairService(
        outside.repairs,
        outside.deploy,
        callers.endpoints,
        plans=callers.plans,
        limits=callers.limits,
        cap=SpendCap(outside.jobs, outside.clock),
        audit=callers.audit,
    )


def run_routers(
    settings: GatewaySettings, outside: Outside, callers: Callers, runs: RunServices
) -> Sequence[APIRouter]:
    """Return the busiest routes first: they are matched in this order."""
    jobs, url, patience = outside.jobs, settings.base_url, settings.stream_write_seconds
    executions, workflow_runs = runs.services.executions, runs.workflow_runs
    replays = ReplaySetService(outside.replays, executions, plans=callers.plans, audit=callers.audit)
    follower, paused_runs = runs.follower, runs.paused_runs
    streams = RunEventStreams(executions, follower, callers.stream_access, write_seconds=patience)
    canvas = CanvasStreams(executions, follower, outside.clock, callers.stream_access, write_seconds=patience)
    once, v2_once = (
        IdempotentCalls(runs.idempotency, each) for each in (present_execute_error, present_v2_execute_error)
    )
    return (
        execute_router(ExecuteEndpoint(runs.services, canvas, once=once, public_url=url)),
        jobs_router(callers.authentication, callers.rate_limits, jobs, jobs),
        usage_router(callers.authentication, callers.rate_limits, callers.reports, outside.clock),
        v2_execute_router(V2ExecuteEndpoint(runs.services, streams=streams, once=v2_once, public_url=url)),
        events_router(callers.v2, streams),
        repairs_router(callers.v2, _repairs(outside, callers), public_url=url),
        recordings_router(callers.v2, Recordings(outside.recordings, callers.audit), executions, public_url=url),
        replays_router(callers.v2, replays),
        v2_runs_router(callers.v2, workflow_runs, paused_runs, public_url=url),
        runs_router(callers.legacy, workflow_runs, canvas),
        pauses_router(callers.legacy, paused_runs, public_url=url),
        files_router(callers.authentication, callers.rate_limits, jobs),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowServices:
    """Services that change workflows and describe live ones."""

    drafts: DraftService
    deployments: DeploymentService
    interfaces: Interfaces


def build_workflow_services(outside: Outside, callers: Callers) -> WorkflowServices:
    """Build them over deploy-service."""
    deploy, endpoints, audit = outside.deploy, callers.endpoints, callers.audit
    return WorkflowServices(
        drafts=DraftService(deploy, endpoints, audit, outside.clock),
        deployments=DeploymentService(
            deploy,
            endpoints,
            audit,
            callers.revocations.settle,
            recordings=outside.recordings,
            replays=outside.replays,
            plans=callers.plans,
        ),
        interfaces=Interfaces(endpoints, deploy, installed_catalog(), outside.clock),
    )


def workflow_routers(
    settings: GatewaySettings, outside: Outside, callers: Callers, workflows: WorkflowServices
) -> Sequence[APIRouter]:
    """Return the routers of every API generation."""
    deploy, access = outside.deploy, callers.legacy
    drafts, deployments, run_counts = workflows.drafts, workflows.deployments, RunCounts(outside.jobs)
    return (
        v1_workflows_router(callers.v1, deploy, drafts, run_counts),
        deployments_router(callers.v1, deployments),
        v2_workflows_router(callers.v2, deploy, drafts, deployments, run_counts),
        deployment_router(access, deploy, deployments),
        versions_router(access, deploy, drafts, deployments),
        changes_router(access, deploy),
        interface_router(access, workflows.interfaces, public_url=settings.base_url),
        docs_page_router(),
        authoring_router(access, deploy, drafts, deployments, run_counts),
        block_types_router(access, installed_catalog()),
        models_router(access, deploy, outside.clock),
        workflow_schema_router(installed_catalog()),
        conversions_router(access, deploy, drafts),
    )
