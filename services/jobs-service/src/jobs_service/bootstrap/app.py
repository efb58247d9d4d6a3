"""Assembly of jobs-service."""

from collections.abc import Sequence
from datetime import timedelta

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware

from jobs_service import metrics
from jobs_service.bootstrap.runs import (
    RunServices,
    journal_cleanup_loop,
    leaders,
    make_run_services,
    reservation_cleanup_loop,
    run_consumers,
    run_count_loops,
    run_routers,
)
from jobs_service.bootstrap.storage import Storage, make_storage, open_store
from jobs_service.bootstrap.webhooks import make_webhook_services, webhook_components
from jobs_service.conversations.repository import MongoConversations
from jobs_service.conversations.routes import conversations_router
from jobs_service.dead_letters.consumer import DeadLettersConsumer
from jobs_service.dead_letters.lost_runs import LostRunNotifier
from jobs_service.dead_letters.repository import MongoDeadLetters
from jobs_service.dead_letters.routes import dead_letters_router
from jobs_service.dead_letters.service import DeadLetterService, RedriveService
from jobs_service.deletion.repository import MongoDeletion
from jobs_service.deletion.routes import deletion_router
from jobs_service.deletion.service import DeletionService
from jobs_service.journal.failed_run_journals import FailedRunJournals
from jobs_service.payloads.routes import BLOBS, blobs_router
from jobs_service.queue.ports import Queue
from jobs_service.queue.routes import queues_router
from jobs_service.recordings.routes import recordings_router
from jobs_service.records.orphans import Orphans
from jobs_service.runs.ports import RunRepository
from jobs_service.settings import JobsSettings
from jobs_service.spend.routes import spend_router
from jobs_service.statistics.routes import run_counts_router
from jobs_service.webhooks.routes import webhooks_router
from shared.broker.connect import open_broker
from shared.broker.ports import Broker
from shared.clock import Clock, SystemClock
from shared.security.run_tickets import TicketSigner
from shared.service import ServiceName
from shared.store.client import Store
from shared.web.app import create_app
from shared.web.internal_auth import ServiceTokens
from shared.web.middleware import BodyLimitMiddleware
from shared.web.run_tickets import TicketChecks


def build(
    settings: JobsSettings,
    *,
    broker: Broker | None = None,
    store: Store | None = None,
    clock: Clock | None = None,
    runs: RunRepository | None = None,
    queue: Queue | None = None,
    is_alone: bool = False,
) -> FastAPI:
    """Build the application; defaults come from `settings`. `is_alone`: no other process uses its store."""
    broker = broker or open_broker(settings.amqp_url, service=ServiceName.JOBS)
    clock, tokens = clock or SystemClock(), ServiceTokens.of(settings)
    ticket_keys = settings.ticket_ring()
    checks = TicketChecks(tokens, ticket_keys, clock, accepts_missing=settings.run_tickets == "accept-missing")
    metrics.QUEUE_LIMIT.set(settings.dispatch_max_queue_global)
    storage = make_storage(settings, store or open_store(settings), clock, runs, queue)
    services = make_run_services(settings, storage, broker, clock, TicketSigner(ticket_keys, clock))
    run_redrive = RedriveService(storage.runs, services.admission)
    dead_letters = DeadLetterService(
        MongoDeadLetters(storage.store, timedelta(seconds=settings.dead_letter_lifetime_seconds)),
        storage.runs,
        run_redrive,
        broker.work,
        LostRunNotifier(broker.replies, services.records, clock),
    )
    webhooks = make_webhook_services(settings, storage, clock)
    return create_app(
        ServiceName.JOBS,
        build=settings.build,
        metrics_token=settings.metrics_token,
        components=[
            storage.store,
            storage.subscriptions,
            storage.counters,
            storage.intervals,
            *run_count_loops(storage),
            storage.grouped,
            storage.views,
            storage.recordings,
            *([Orphans(storage.runs)] if is_alone else ()),
            broker,
            reservation_cleanup_loop(storage),
            services.admission.batches,
            services.records.batches,
            services.events.batches,
            *run_consumers(settings, services, broker),
            DeadLettersConsumer(broker, dead_letters, drain_seconds=settings.drain_seconds),
            *leaders(settings, storage, services, broker, clock),
            *webhook_components(settings, storage, webhooks),
            journal_cleanup_loop(services),
        ],
        checks={"store": storage.store.ping, "broker": broker.ping},
        routers=[
            *run_routers(storage, services, tokens, checks),
            *_workspace_routers(settings, storage, services, tokens, clock, checks=checks),
            dead_letters_router(dead_letters, run_redrive, tokens),
            webhooks_router(webhooks.subscription_service, tokens),
        ],
        middleware=[Middleware(BodyLimitMiddleware, limit=settings.jobs_max_body_bytes, streamed=(BLOBS,))],
    )


def _workspace_routers(
    settings: JobsSettings,
    storage: Storage,
    services: RunServices,
    tokens: ServiceTokens,
    clock: Clock,
    *,
    checks: TicketChecks,
) -> Sequence[APIRouter]:
    """Return the routes for workspaces' data."""
    lifetime = timedelta(seconds=settings.conversation_lifetime_seconds)
    conversations = MongoConversations(storage.store, settings.conversation_limits, lifetime)
    deletion = DeletionService(
        MongoDeletion(storage.store, storage.blobs),
        services.cancels,
        storage.spend,
        (storage.run_counter, storage.statistics, storage.indexer),
    )
    return (
        blobs_router(storage.blobs, checks, lifetime=timedelta(seconds=settings.blob_lifetime_seconds)),
        queues_router(storage.counters, tokens, limit=settings.queue_limits.per_workspace),
        spend_router(storage.spend, tokens, clock),
        run_counts_router(storage.run_counts, tokens),
        conversations_router(conversations, checks),
        deletion_router(deletion, tokens),
        recordings_router(
            storage.recordings, storage.runs, FailedRunJournals(storage.store, storage.journal).discard, tokens, checks
        ),
    )
