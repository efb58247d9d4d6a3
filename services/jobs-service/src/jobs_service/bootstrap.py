"""Puts jobs-service together: the one place that knows concrete classes."""

from datetime import timedelta
from typing import Final

from fastapi import FastAPI
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
from jobs_service.ports import Leadership, Leases, Queue, Runs
from jobs_service.settings import JobsSettings
from shared.broker.connect import open_broker
from shared.broker.ports import Broker
from shared.clock import Clock, SystemClock
from shared.ids import new_id
from shared.net import OutboundClient, OutboundLimits, OutboundPolicy
from shared.security.aes_gcm import AesGcmKeyRing
from shared.service import ServiceName
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
    store = store or open_store(settings)
    clock = clock or SystemClock()
    tokens = ServiceTokens.of(settings)
    rules, lifetime = settings.rules, timedelta(seconds=settings.blob_lifetime_seconds)

    ledgers = Books(store)
    ring = AesGcmKeyRing.parse(settings.webhook_keys.get_secret_value(), setting=WEBHOOK_KEYS)
    book = MongoSubscriptions(store, ring)
    runs = runs or MongoRuns(store, rules, book.has_any)
    queue = queue or MongoQueue(store, ledgers)
    journal = MongoJournal(store)
    blobs = MongoBlobs(store, max_bytes=settings.blob_max_bytes)
    spend = MongoSpendBook(store)
    memory = MongoCancelMemory(store, timedelta(seconds=settings.cancel_memory_seconds))

    remembered = timedelta(seconds=settings.conversation_lifetime_seconds)
    conversations = MongoConversations(store, settings.conversation_limits, remembered)

    bell = Bell()
    payloads = Payloads(blobs, lifetime)
    tidying = Tidying(journal)
    cancelling = Cancelling(runs, memory, broker.control, tidying=tidying, rules=rules, dispatcher=bell)
    metrics.QUEUE_LIMIT.set(settings.dispatch_max_queue_global)
    accepting = Accepting(queue, payloads, cancelling, settings.queue_limits, bell)
    pausing = Pausing(
        runs=runs,
        journal=journal,
        blobs=blobs,
        payloads=payloads,
        cancelling=cancelling,
        rules=rules,
        dispatcher=bell,
    )
    working = Working(
        runs=runs,
        journal=journal,
        payloads=payloads,
        pausing=pausing,
        tidying=tidying,
        rules=rules,
        dispatcher=bell,
    )
    recording = Recording(MongoRecords(store, rules, book.has_any), payloads, cancelling)

    outbound = OutboundClient(settings.outbound_allow, limits=OutboundLimits(connections=WEBHOOK_CONNECTIONS))
    way = GuardedWay(outbound, OutboundPolicy(settings.outbound_allow))
    notices = MongoNotices(store, timedelta(seconds=settings.delivery_lifetime_seconds))
    notifying = Notifying(notices, book, clock)
    given_up = timedelta(seconds=settings.webhook_give_up_seconds)
    delivering = Delivering(notices, book, book, way, clock, give_up_after=given_up)
    subscribing = Subscribing(book, notices, book, delivering, way)

    redriving = Redriving(runs, accepting)
    letters = MongoDeadLetters(store, timedelta(seconds=settings.dead_letter_lifetime_seconds))
    dead_lettering = DeadLettering(letters, redriving, broker.work)

    leases: Leases = MongoLeases(store)
    holder = new_id()
    dispatching = Dispatching(
        queue,
        broker.work,
        Leader(leases, Leadership("dispatcher", holder), settings.leader_lease, clock),
        settings.dispatch_policy,
        clock,
    )
    reaping = Reaping(
        runs=runs,
        blobs=blobs,
        spend=spend,
        tidying=tidying,
        control=broker.control,
        leader=Leader(leases, Leadership("reaper", holder), settings.leader_lease, clock),
        rules=rules,
        dispatcher=bell,
        clock=clock,
    )

    views = MongoRunViews(store)
    reading = Reading(views, payloads)
    events = EventKeeping(MongoEventLog(store), views)

    app = create_app(
        ServiceName.JOBS,
        components=[
            store,
            ledgers,
            broker,
            accepting.batches,
            recording.batches,
            events.batches,
            RecordsConsumer(broker, recording, drain_seconds=settings.drain_seconds),
            DeadLettersConsumer(broker, dead_lettering, drain_seconds=settings.drain_seconds),
            EventsConsumer(broker, events, drain_seconds=settings.drain_seconds),
            Loop(
                "dispatcher",
                dispatching.step,
                every=settings.dispatch_poll_seconds,
                bell=bell,
                gap=DISPATCH_GAP_SECONDS,
                on_stop=dispatching.stop,
            ),
            Loop("reaper", reaping.step, every=settings.job_sweep_seconds, on_stop=reaping.stop),
            outbound,
            Loop("notifier", notifying.step, every=settings.webhook_poll_seconds),
            Loop("deliverer", delivering.step, every=settings.webhook_poll_seconds),
            Loop("tidier", tidying.step, every=TIDY_SECONDS, on_stop=tidying.step),
        ],
        checks={"store": store.ping, "broker": broker.ping},
        routers=[
            runs_router(
                accepting,
                reading,
                cancelling,
                Reserving(runs),
                tokens,
                all_at_once=CancellingAll(views, cancelling),
            ),
            logs_router(LogReading(MongoRunLogs(store), reading), tokens),
            events_router(events, tokens),
            work_router(working, tokens),
            pauses_router(pausing, tokens),
            blobs_router(blobs, tokens, lifetime=lifetime),
            queues_router(ledgers, tokens, limit=settings.queue_limits.per_workspace),
            spend_router(spend, tokens, clock),
            conversations_router(conversations, tokens),
            dead_letters_router(dead_lettering, redriving, tokens),
            webhooks_router(subscribing, tokens),
            erasing_router(Erasing(MongoErasure(store, blobs), cancelling, spend), tokens),
        ],
        middleware=[Middleware(BodyLimit, limit=settings.jobs_max_body_bytes, streamed=(BLOBS,))],
    )
    app.add_exception_handler(RequestValidationError, render_invalid_parameters)
    return app
