"""Assembles executor-service: only this module knows concrete classes."""

import secrets
import socket
from collections.abc import Mapping
from functools import partial
from importlib.metadata import entry_points
from typing import Final

from fastapi import FastAPI

from executor_service.adapters.child_workflows import DeployedChildWorkflows
from executor_service.adapters.durable_run_events import run_events_factory
from executor_service.adapters.instrumentation import InstrumentedModels, trace_handlers
from executor_service.adapters.optional_python import OptionalPython
from executor_service.adapters.record_outbox import RecordOutbox
from executor_service.adapters.recording_outbox import RecordingOutbox
from executor_service.adapters.reply_channel import BrokerReplyChannel
from executor_service.adapters.required_sandbox import RequiredSandbox
from executor_service.adapters.sandbox_fetcher import SandboxFetcher
from executor_service.adapters.sandbox_files import SandboxFiles
from executor_service.application.active_runs import ActiveRuns
from executor_service.application.attached_runs import AttachedRuns
from executor_service.application.durable_runs import DurableRunWorker
from executor_service.application.file_contents import FileContents
from executor_service.application.file_uploads import FileUploads
from executor_service.application.launcher import Launcher
from executor_service.application.workflow_cache import WorkflowCache
from executor_service.blocks import BlockPorts, SandboxExpressions, block_handlers
from executor_service.consumers.work import WorkConsumers
from executor_service.engine import BlockHandler, Engine
from executor_service.providers import Models, ProviderSettings
from executor_service.sandbox import JavaScriptSandbox, PoolSize, PythonSandbox, no_fetch
from executor_service.settings import ExecutorSettings
from shared.broker.connect import open_broker
from shared.broker.ports import Broker
from shared.clients.deploy import DeployService
from shared.clients.jobs import JobsService
from shared.clock import Clock, SystemClock
from shared.contracts.files import MAX_FILE_BYTES
from shared.net import OutboundClient, OutboundLimits
from shared.service import ServiceName
from shared.settings import load_settings
from shared.web.app import create_app
from shared.web.client import InternalClient
from shared.web.internal_auth import ServiceTokens
from shared.workflow.catalog import PLUGIN_GROUP

DOWNLOADS: Final = 8
"""Concurrent downloads for callers; each is held in memory until it is stored."""


def build(
    settings: ExecutorSettings,
    *,
    broker: Broker | None = None,
    deploy: InternalClient | None = None,
    jobs: InternalClient | None = None,
    clock: Clock | None = None,
) -> FastAPI:
    """Build the executor from `settings`, with any part replaced."""
    clock = clock or SystemClock()
    broker = broker or open_broker(settings.amqp_url, service=ServiceName.EXECUTOR)
    deploy = deploy or _client(settings, settings.deploy_url)
    jobs = jobs or _client(settings, settings.jobs_url)
    outbound = OutboundClient(settings.outbound_allow, limits=OutboundLimits(connections=settings.outbound_connections))
    download_limits = OutboundLimits(response_bytes=MAX_FILE_BYTES, connections=DOWNLOADS)
    downloads = OutboundClient(settings.outbound_allow, limits=download_limits)
    deployments, jobs_service = DeployService(deploy).worker, JobsService(jobs)
    files, durable = jobs_service.files, jobs_service.worker_runs
    pool = PoolSize(
        running=settings.sandbox_processes,
        workspace_percent=settings.sandbox_workspace_percent,
        scripts_per_process=settings.sandbox_scripts_per_process,
    )
    sandbox = JavaScriptSandbox(
        fetcher=SandboxFiles(files, SandboxFetcher(outbound)),
        size=pool,
        needs_namespaces=settings.sandbox_needs_namespaces,
    )
    python = OptionalPython(PythonSandbox(fetcher=SandboxFiles(files, no_fetch), size=pool))
    models = Models(load_settings(ProviderSettings), outbound)
    workflows = WorkflowCache(deployments, entries=settings.snapshot_cache_entries)
    children = DeployedChildWorkflows(deployments, workflows)
    ports = BlockPorts(
        javascript=sandbox,
        models=InstrumentedModels(models),
        outbound=outbound,
        python=python,
        children=children,
        memory=jobs_service.conversations,
        files=files,
    )
    launcher = Launcher(
        Engine(_handlers(settings, ports), SandboxExpressions(sandbox), clock, settings.limits),
        workflows,
        deployments,
        jobs_service.payloads,
        file_uploads=FileUploads(files, downloads, public_url=settings.base_url),
        file_contents=FileContents(files),
        keyed_providers=models.keyed_providers,
        public_url=settings.base_url,
        recordings=durable,
        budgets=durable,
    )
    running = ActiveRuns()
    records = RecordOutbox(broker.work, jobs_service.payloads)
    recordings = RecordingOutbox(jobs_service.recordings)
    attached = AttachedRuns(
        launcher,
        partial(BrokerReplyChannel, broker.replies),
        running,
        records=records,
        durable=durable,
        clock=clock,
        recordings=recordings,
    )
    worker = DurableRunWorker(
        launcher,
        durable,
        running,
        worker_id=_worker_id(),
        events=run_events_factory(broker),
        recordings=recordings,
    )
    consumers = _consumers(settings, broker, attached, worker, running)
    return create_app(
        ServiceName.EXECUTOR,
        build=settings.build,
        metrics_token=settings.metrics_token,
        components=[
            deploy,
            jobs,
            outbound,
            downloads,
            RequiredSandbox(sandbox),
            python,
            models,
            broker,
            records,
            recordings,
            consumers,
        ],
        checks={"broker": broker.ping, "queues": consumers.check},
        routers=[],
    )


def _handlers(settings: ExecutorSettings, ports: BlockPorts) -> Mapping[str, BlockHandler]:
    handlers = block_handlers(ports, entry_points(group=PLUGIN_GROUP))
    return trace_handlers(handlers) if settings.tracing_endpoint else handlers


def _consumers(
    settings: ExecutorSettings,
    broker: Broker,
    attached: AttachedRuns,
    durable: DurableRunWorker,
    running: ActiveRuns,
) -> WorkConsumers:
    return WorkConsumers(
        broker,
        attached,
        durable,
        running,
        interactive_slots=settings.executor_concurrency,
        nested_slots=settings.executor_nested_concurrency,
        durable_slots=settings.executor_async_concurrency,
        drain_seconds=settings.drain_seconds,
    )


def _client(settings: ExecutorSettings, url: str) -> InternalClient:
    return InternalClient(
        url,
        caller=ServiceName.EXECUTOR,
        tokens=ServiceTokens.of(settings),
        timeout=settings.internal_timeout_seconds,
        retry_seconds=settings.restart_patience_seconds,
    )


def _worker_id() -> str:
    return f"{socket.gethostname()}-{secrets.token_hex(4)}"
