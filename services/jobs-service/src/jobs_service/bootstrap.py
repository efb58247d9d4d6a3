"""Puts jobs-service together: the one place that knows concrete classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.middleware import Middleware

from jobs_service import metrics
from jobs_service.adapters import (
    books,
    mongo_blobs,
    mongo_cancels,
    mongo_conversations,
    mongo_dead_letters,
    mongo_event_log,
    mongo_journal,
    mongo_notices,
    mongo_subscriptions,
    run_documents,
)
from jobs_service.adapters.books import Books
from jobs_service.adapters.guarded_way import GuardedWay
from jobs_service.adapters.mongo_blobs import MongoBlobs
from jobs_service.adapters.mongo_cancels import MongoCancelMemory
from jobs_service.adapters.mongo_conversations import MongoConversations
from jobs_service.adapters.mongo_dead_letters import MongoDeadLetters
from jobs_service.adapters.mongo_erasure import MongoErasure
from jobs_service.adapters.mongo_event_log import MongoEventLog
from jobs_service.adapters.mongo_journal import MongoJournal
from jobs_service.adapters.mongo_leases import MongoLeases
from jobs_service.adapters.mongo_notices import MongoNotices
from jobs_service.adapters.mongo_queue import MongoQueue
from jobs_service.adapters.mongo_records import MongoRecords
from jobs_service.adapters.mongo_run_logs import MongoRunLogs
from jobs_service.adapters.mongo_runs import MongoRuns
from jobs_service.adapters.mongo_spend import MongoSpendBook
from jobs_service.adapters.mongo_subscriptions import MongoSubscriptions
from jobs_service.adapters.mongo_views import MongoRunViews
from jobs_service.api.blobs import BLOBS, blobs_router
from jobs_service.api.conversations import conversations_router
from jobs_service.api.dead_letters import dead_letters_router
from jobs_service.api.erasing import erasing_router
from jobs_service.api.events import events_router
from jobs_service.api.logs import logs_router
from jobs_service.api.parameters import render_invalid_parameters
from jobs_service.api.pauses import pauses_router
from jobs_service.api.queues import queues_router
from jobs_service.api.runs import runs_router
from jobs_service.api.spend import spend_router
from jobs_service.api.webhooks import webhooks_router
from jobs_service.api.work import work_router
from jobs_service.application.accepting import Accepting
from jobs_service.application.cancelling import Cancelling
from jobs_service.application.cancelling_all import CancellingAll
from jobs_service.application.dead_lettering import DeadLettering
from jobs_service.application.dispatching import Dispatching
from jobs_service.application.erasing import Erasing
from jobs_service.application.event_keeping import EventKeeping
from jobs_service.application.leader import Leader
from jobs_service.application.loops import Bell, Loop
from jobs_service.application.pausing import Pausing
from jobs_service.application.payloads import Payloads
from jobs_service.application.reading import Reading
from jobs_service.application.reaping import Reaping
from jobs_service.application.recording import Recording
from jobs_service.application.redriving import Redriving
from jobs_service.application.reserving import Reserving
from jobs_service.application.run_logs import LogReading
from jobs_service.application.tidying import Tidying
from jobs_service.application.webhooks import Delivering, Notifying, Subscribing
from jobs_service.application.working import Working
from jobs_service.consumers.dead_letters import DeadLettersConsumer
from jobs_service.consumers.events import EventsConsumer
from jobs_service.consumers.records import RecordsConsumer
from jobs_service.ports import Leadership, Queue, Runs
from jobs_service.settings import JobsSettings
from shared.broker.connect import open_broker
from shared.broker.ports import Broker
from shared.clock import Clock, SystemClock
from shared.ids import new_id
from shared.net import OutboundClient, OutboundLimits, OutboundPolicy
from shared.security.aes_gcm import AesGcmKeyRing
from shared.service import Component, ServiceName
from shared.store.client import Store
from shared.web.app import create_app
from shared.web.guards import BodyLimit
from shared.web.internal_auth import ServiceTokens

INDEXES: Final = (
    *run_documents.INDEXES,
    *books.INDEXES,
    *mongo_journal.INDEXES,
    *mongo_cancels.INDEXES,
    *mongo_blobs.INDEXES,
    *mongo_conversations.INDEXES,
    *mongo_dead_letters.INDEXES,
    *mongo_notices.INDEXES,
    *mongo_subscriptions.INDEXES,
    *mongo_event_log.INDEXES,
)
DISPATCH_GAP_SECONDS: Final = 0.02
TIDY_SECONDS: Final = 1.0
WEBHOOK_CONNECTIONS: Final = 64
WEBHOOK_KEYS: Final = "FLOWPORT_WEBHOOK_KEYS"


def open_store(settings: JobsSettings) -> Store:
    """The database of jobs-service, not yet started."""
    return Store(settings.mongodb_uri, f"{settings.mongodb_prefix}_jobs", INDEXES)


@dataclass(frozen=True)
class _Kept:
    """What is kept, and where."""

    store: Store
    ledgers: Books
    subscriptions: MongoSubscriptions
    runs: Runs
    queue: Queue
    journal: MongoJournal
    blobs: MongoBlobs
    spend: MongoSpendBook
    views: MongoRunViews
    payloads: Payloads


@dataclass(frozen=True)
class _Life:
    """What may happen to a run, from its acceptance to its end, and what is heard of it."""

    bell: Bell
    tidying: Tidying
    cancelling: Cancelling
    accepting: Accepting
    pausing: Pausing
    working: Working
    recording: Recording
    redriving: Redriving
    dead_lettering: DeadLettering
    events: EventKeeping


@dataclass(frozen=True)
class _Webhooks:
    """Who is told of ends, and how."""

    outbound: OutboundClient
    notifying: Notifying
    delivering: Delivering
    subscribing: Subscribing


def build(
    settings: JobsSettings,
    *,
    broker: Broker | None = None,
    store: Store | None = None,
    clock: Clock | None = None,
    runs: Runs | None = None,
    queue: Queue | None = None,
) -> FastAPI:
    """The application; what is not given is made from `settings`."""
    broker = broker or open_broker(settings.amqp_url, service=ServiceName.JOBS)
    clock = clock or SystemClock()
    metrics.QUEUE_LIMIT.set(settings.dispatch_max_queue_global)
    kept = _kept(settings, store or open_store(settings), runs, queue)
    life = _life(settings, kept, broker)
    webhooks = _webhooks(settings, kept, clock)
    app = create_app(
        ServiceName.JOBS,
        components=[
            kept.store,
            kept.ledgers,
            broker,
            life.accepting.batches,
            life.recording.batches,
            life.events.batches,
            *_consumers(settings, life, broker),
            *_leaders(settings, kept, life, broker, clock),
            webhooks.outbound,
            *_followers(settings, life, webhooks),
        ],
        checks={"store": kept.store.ping, "broker": broker.ping},
        routers=_routers(settings, kept, life, webhooks, clock),
        middleware=[Middleware(BodyLimit, limit=settings.jobs_max_body_bytes, streamed=(BLOBS,))],
    )
    app.add_exception_handler(RequestValidationError, render_invalid_parameters)
    return app


def _kept(settings: JobsSettings, store: Store, runs: Runs | None, queue: Queue | None) -> _Kept:
    ledgers = Books(store)
    ring = AesGcmKeyRing.parse(settings.webhook_keys.get_secret_value(), setting=WEBHOOK_KEYS)
    subscriptions = MongoSubscriptions(store, ring)
    blobs = MongoBlobs(store, max_bytes=settings.blob_max_bytes)
    return _Kept(
        store=store,
        ledgers=ledgers,
        subscriptions=subscriptions,
        runs=runs or MongoRuns(store, settings.rules, subscriptions.has_any),
        queue=queue or MongoQueue(store, ledgers),
        journal=MongoJournal(store),
        blobs=blobs,
        spend=MongoSpendBook(store),
        views=MongoRunViews(store),
        payloads=Payloads(blobs, timedelta(seconds=settings.blob_lifetime_seconds)),
    )


def _life(settings: JobsSettings, kept: _Kept, broker: Broker) -> _Life:
    rules, bell, tidying = settings.rules, Bell(), Tidying(kept.journal)
    memory = MongoCancelMemory(kept.store, timedelta(seconds=settings.cancel_memory_seconds))
    cancelling = Cancelling(kept.runs, memory, broker.control, tidying=tidying, rules=rules, dispatcher=bell)
    accepting = Accepting(kept.queue, kept.payloads, cancelling, settings.queue_limits, bell)
    pausing = Pausing(
        runs=kept.runs,
        journal=kept.journal,
        blobs=kept.blobs,
        payloads=kept.payloads,
        cancelling=cancelling,
        rules=rules,
        dispatcher=bell,
    )
    working = Working(
        runs=kept.runs,
        journal=kept.journal,
        payloads=kept.payloads,
        pausing=pausing,
        tidying=tidying,
        rules=rules,
        dispatcher=bell,
    )
    records = MongoRecords(kept.store, rules, kept.subscriptions.has_any)
    letters = MongoDeadLetters(kept.store, timedelta(seconds=settings.dead_letter_lifetime_seconds))
    redriving = Redriving(kept.runs, accepting)
    return _Life(
        bell=bell,
        tidying=tidying,
        cancelling=cancelling,
        accepting=accepting,
        pausing=pausing,
        working=working,
        recording=Recording(records, kept.payloads, cancelling),
        redriving=redriving,
        dead_lettering=DeadLettering(letters, redriving, broker.work),
        events=EventKeeping(MongoEventLog(kept.store), kept.views),
    )


def _webhooks(settings: JobsSettings, kept: _Kept, clock: Clock) -> _Webhooks:
    outbound = OutboundClient(settings.outbound_allow, limits=OutboundLimits(connections=WEBHOOK_CONNECTIONS))
    way, book = GuardedWay(outbound, OutboundPolicy(settings.outbound_allow)), kept.subscriptions
    notices = MongoNotices(kept.store, timedelta(seconds=settings.delivery_lifetime_seconds))
    given_up = timedelta(seconds=settings.webhook_give_up_seconds)
    delivering = Delivering(notices, book, book, way, clock, give_up_after=given_up)
    return _Webhooks(
        outbound=outbound,
        notifying=Notifying(notices, book, clock),
        delivering=delivering,
        subscribing=Subscribing(book, notices, book, delivering, way),
    )


def _consumers(settings: JobsSettings, life: _Life, broker: Broker) -> Sequence[Component]:
    drain_seconds = settings.drain_seconds
    return (
        RecordsConsumer(broker, life.recording, drain_seconds=drain_seconds),
        DeadLettersConsumer(broker, life.dead_lettering, drain_seconds=drain_seconds),
        EventsConsumer(broker, life.events, drain_seconds=drain_seconds),
    )


def _leaders(settings: JobsSettings, kept: _Kept, life: _Life, broker: Broker, clock: Clock) -> Sequence[Component]:
    """What one process does at a time, while the others stand by."""
    leases, holder = MongoLeases(kept.store), new_id()

    def leader(of: str) -> Leader:
        return Leader(leases, Leadership(of, holder), settings.leader_lease, clock)

    dispatching = Dispatching(kept.queue, broker.work, leader("dispatcher"), settings.dispatch_policy, clock)
    reaping = Reaping(
        runs=kept.runs,
        blobs=kept.blobs,
        spend=kept.spend,
        tidying=life.tidying,
        control=broker.control,
        leader=leader("reaper"),
        rules=settings.rules,
        dispatcher=life.bell,
        clock=clock,
    )
    return (
        Loop(
            "dispatcher",
            dispatching.step,
            every=settings.dispatch_poll_seconds,
            bell=life.bell,
            gap=DISPATCH_GAP_SECONDS,
            on_stop=dispatching.stop,
        ),
        Loop("reaper", reaping.step, every=settings.job_sweep_seconds, on_stop=reaping.stop),
    )


def _followers(settings: JobsSettings, life: _Life, webhooks: _Webhooks) -> Sequence[Component]:
    """What comes after the end of a run."""
    return (
        Loop("notifier", webhooks.notifying.step, every=settings.webhook_poll_seconds),
        Loop("deliverer", webhooks.delivering.step, every=settings.webhook_poll_seconds),
        Loop("tidier", life.tidying.step, every=TIDY_SECONDS, on_stop=life.tidying.step),
    )


def _routers(
    settings: JobsSettings, kept: _Kept, life: _Life, webhooks: _Webhooks, clock: Clock
) -> Sequence[APIRouter]:
    tokens, reading = ServiceTokens.of(settings), Reading(kept.views, kept.payloads)
    remembered = timedelta(seconds=settings.conversation_lifetime_seconds)
    conversations = MongoConversations(kept.store, settings.conversation_limits, remembered)
    erasing = Erasing(MongoErasure(kept.store, kept.blobs), life.cancelling, kept.spend)
    return (
        runs_router(
            life.accepting,
            reading,
            life.cancelling,
            Reserving(kept.runs),
            tokens,
            all_at_once=CancellingAll(kept.views, life.cancelling),
        ),
        logs_router(LogReading(MongoRunLogs(kept.store), reading), tokens),
        events_router(life.events, tokens),
        work_router(life.working, tokens),
        pauses_router(life.pausing, tokens),
        blobs_router(kept.blobs, tokens, lifetime=timedelta(seconds=settings.blob_lifetime_seconds)),
        queues_router(kept.ledgers, tokens, limit=settings.queue_limits.per_workspace),
        spend_router(kept.spend, tokens, clock),
        conversations_router(conversations, tokens),
        dead_letters_router(life.dead_lettering, life.redriving, tokens),
        webhooks_router(webhooks.subscribing, tokens),
        erasing_router(erasing, tokens),
    )
