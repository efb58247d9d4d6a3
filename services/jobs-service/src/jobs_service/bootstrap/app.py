"""Assembly of jobs-service."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

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
from jobs_service.conversations import MongoConversations, conversations_router
from jobs_service.dead_letters.repository import MongoDeadLetters
from jobs_service.dead_letters.routes import dead_letters_router
from jobs_service.dead_letters.service import DeadLettersConsumer, DeadLetterService, LostRunNotifier, RedriveService
from jobs_service.deletion import DeletionService, MongoDeletion, deletion_router
from jobs_service.journal import FailedRunJournals
from jobs_service.leadership import Loop, WakeUpEvent
from jobs_service.payloads import BLOBS, blobs_router
from jobs_service.queue.capacity import Queue
from jobs_service.queue.counters import queues_router
from jobs_service.recordings.repository import sealed_keys
from jobs_service.recordings.routes import recordings_router
from jobs_service.records import Orphans
from jobs_service.replay_sets.documents import sealed_results
from jobs_service.runs.documents import RunRepository
from jobs_service.settings import JobsSettings
from jobs_service.spend import spend_router
from jobs_service.statistics.series import run_counts_router
from jobs_service.webhooks.delivery import DeliveryService, GuardedSender, Notifier
from jobs_service.webhooks.repository import MongoDeliveries
from jobs_service.webhooks.subscriptions import (
    CALLBACK_SECRETS,
    SUBSCRIPTIONS,
    MongoWebhookSecrets,
    SubscriptionService,
    sealed_secrets,
    webhooks_router,
)
from shared.broker.connect import open_broker
from shared.broker.ports import Broker
from shared.clock import Clock, SystemClock
from shared.net import OutboundClient, OutboundLimits, OutboundPolicy
from shared.security.rotation import KeyRotation
from shared.security.run_tickets import TicketSigner
from shared.service import Component, ServiceName
from shared.store.client import Store
from shared.web.app import create_app
from shared.web.internal_auth import ServiceTokens
from shared.web.middleware import BodyLimitMiddleware
from shared.web.run_tickets import TicketChecks

WEBHOOK_CONNECTIONS: Final = 64
"""Connections for all concurrency slots of deliveries, and some for tests of addresses."""
DELIVERY_GAP_SECONDS: Final = 0.02
SUBSCRIBERS_SECONDS: Final = 0.5
"""A subscription is confirmed after a second: by then every process marks the ends of its runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookServices:
    """Services from a run's end to its delivery."""

    outbound: OutboundClient
    rotations: Sequence[KeyRotation]
    notifier: Notifier
    delivery_service: DeliveryService
    subscription_service: SubscriptionService
    wake_up: WakeUpEvent
    """Wakes the sender when slots are free."""


def make_webhook_services(settings: JobsSettings, storage: Storage, clock: Clock) -> WebhookServices:
    """Build the services with one guarded client."""
    outbound = OutboundClient(settings.outbound_allow, limits=OutboundLimits(connections=WEBHOOK_CONNECTIONS))
    sender, subscriptions = GuardedSender(outbound, OutboundPolicy(settings.outbound_allow)), storage.subscriptions
    webhook_secrets = MongoWebhookSecrets(storage.store, storage.webhook_keys)
    sealed = [sealed_secrets(storage.store.collection(name)) for name in (SUBSCRIPTIONS, CALLBACK_SECRETS)]
    notices = MongoDeliveries(storage.store, timedelta(seconds=settings.delivery_lifetime_seconds))
    given_up = timedelta(seconds=settings.webhook_give_up_seconds)
    wake_up = WakeUpEvent()
    delivery_service = DeliveryService(
        notices, subscriptions, webhook_secrets, sender, clock, wake_up=wake_up, give_up_after=given_up
    )
    return WebhookServices(
        outbound=outbound,
        rotations=[
            KeyRotation(each, storage.webhook_keys)
            for each in (*sealed, sealed_keys(storage.store), sealed_results(storage.store))
        ],
        notifier=Notifier(notices, subscriptions, clock),
        delivery_service=delivery_service,
        subscription_service=SubscriptionService(subscriptions, notices, webhook_secrets, delivery_service, sender),
        wake_up=wake_up,
    )


def webhook_components(settings: JobsSettings, storage: Storage, webhooks: WebhookServices) -> Sequence[Component]:
    """Return the client, key rotation, subscriptions, notifier and sender."""
    return (
        *webhooks.rotations,
        webhooks.outbound,
        Loop("subscribers", storage.subscriptions.refresh, every=SUBSCRIBERS_SECONDS),
        Loop("notifier", webhooks.notifier.step, every=settings.webhook_poll_seconds),
        Loop(
            "deliverer",
            webhooks.delivery_service.step,
            every=settings.webhook_poll_seconds,
            wake_up=webhooks.wake_up,
            gap=DELIVERY_GAP_SECONDS,
            on_stop=webhooks.delivery_service.stop,
        ),
    )


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
