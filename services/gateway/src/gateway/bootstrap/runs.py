"""Runs: start, follow, and their endpoints in every API generation."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter

from gateway.bootstrap.callers import Callers
from gateway.bootstrap.outside import Outside
from gateway.recordings.routes import recordings_router
from gateway.recordings.service import Recordings
from gateway.repairs.routes import repairs_router
from gateway.repairs.service import RepairService
from gateway.replays.routes import replays_router
from gateway.replays.service import ReplaySetService
from gateway.run_endpoints.idempotency import IdempotentCalls
from gateway.run_endpoints.services import EndpointServices
from gateway.runs.adapters.attached_runs import BrokerAttachedRuns
from gateway.runs.adapters.cancels import Cancels
from gateway.runs.adapters.followed_runs import BrokerFollowedRuns
from gateway.runs.adapters.run_records import RunRecords
from gateway.runs.application.admission import AdmissionGate
from gateway.runs.application.draft_runs import DraftRuns
from gateway.runs.application.executions import Executions, RunFollower
from gateway.runs.application.idempotency import Idempotency
from gateway.runs.application.input_checks import InputChecks
from gateway.runs.application.stream_limits import StreamLimits
from gateway.runs.application.usage import SpendCap
from gateway.runs.application.workflow_runs import PausedRuns, WorkflowRuns
from gateway.settings import GatewaySettings
from gateway.sim.errors import present_execute_error
from gateway.sim.execute import ExecuteEndpoint, execute_router
from gateway.sim.files import files_router
from gateway.sim.runs import jobs_router, pauses_router, runs_router
from gateway.sim.usage import usage_router
from gateway.streams.attached_stream import AttachedAnswers
from gateway.streams.canvas_frames import CanvasStreams
from gateway.streams.durable_stream import RunEventStreams
from gateway.v2.errors import present_execute_error as present_v2_execute_error
from gateway.v2.execute import V2ExecuteEndpoint
from gateway.v2.execute import execute_router as v2_execute_router
from gateway.v2.runs import events_router
from gateway.v2.runs import runs_router as v2_runs_router
from gateway.workflows.application.endpoints import Interfaces
from shared.security.run_tickets import TicketSigner
from shared.workflow.catalog import installed_catalog


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
