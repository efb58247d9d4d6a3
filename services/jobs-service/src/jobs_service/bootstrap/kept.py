"""What is kept, and where."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from jobs_service.adapters import (
    capacity_counters,
    mongo_blobs,
    mongo_cancels,
    mongo_conversations,
    mongo_dead_letters,
    mongo_event_log,
    mongo_journal,
    mongo_notices,
    mongo_subscriptions,
    mongo_tallies,
    mongo_webhook_secrets,
    run_documents,
)
from jobs_service.adapters.capacity_counters import CapacityCounters
from jobs_service.adapters.grouped_runs import GroupedRuns
from jobs_service.adapters.mongo_blobs import MongoBlobs
from jobs_service.adapters.mongo_journal import MongoJournal
from jobs_service.adapters.mongo_queue import MongoQueue
from jobs_service.adapters.mongo_spend import MongoSpendBook
from jobs_service.adapters.mongo_subscriptions import MongoSubscriptions
from jobs_service.adapters.mongo_tallies import MongoTallies
from jobs_service.adapters.mongo_views import MongoRunViews
from jobs_service.application.payloads import Payloads
from jobs_service.application.tallying import Tallying
from jobs_service.ports import Queue, Runs
from jobs_service.settings import JobsSettings
from shared.clock import Clock
from shared.security.aes_gcm import AesGcmKeyRing
from shared.store.client import Store

INDEXES: Final = (
    *run_documents.INDEXES,
    *capacity_counters.INDEXES,
    *mongo_journal.INDEXES,
    *mongo_cancels.INDEXES,
    *mongo_blobs.INDEXES,
    *mongo_conversations.INDEXES,
    *mongo_dead_letters.INDEXES,
    *mongo_notices.INDEXES,
    *mongo_subscriptions.INDEXES,
    *mongo_webhook_secrets.INDEXES,
    *mongo_event_log.INDEXES,
    *mongo_tallies.INDEXES,
)
WEBHOOK_KEYS: Final = "FLOWPORT_WEBHOOK_KEYS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The store, and what several subjects look into."""

    store: Store
    counters: CapacityCounters
    subscriptions: MongoSubscriptions
    webhook_keys: AesGcmKeyRing
    runs: Runs
    grouped: GroupedRuns
    """The runs of the store, to be started; those in use unless others were given."""
    queue: Queue
    journal: MongoJournal
    blobs: MongoBlobs
    spend: MongoSpendBook
    tallies: MongoTallies
    tallying: Tallying
    views: MongoRunViews
    payloads: Payloads


def open_store(settings: JobsSettings) -> Store:
    """The database of jobs-service, not yet started."""
    return Store(settings.mongodb_uri, f"{settings.mongodb_prefix}_jobs", INDEXES)


def make_kept(settings: JobsSettings, store: Store, clock: Clock, runs: Runs | None, queue: Queue | None) -> Kept:
    """All of it in `store`, but for what is given."""
    counters = CapacityCounters(store)
    ring = AesGcmKeyRing.parse(settings.webhook_keys.get_secret_value(), setting=WEBHOOK_KEYS)
    subscriptions = MongoSubscriptions(store, ring)
    tallies = MongoTallies(store)
    tallying = Tallying(tallies)
    grouped = GroupedRuns(store, settings.rules, subscriptions.has_any, tallying.note)
    blobs = MongoBlobs(store, max_bytes=settings.blob_max_bytes)
    return Kept(
        store=store,
        counters=counters,
        subscriptions=subscriptions,
        webhook_keys=ring,
        runs=runs or grouped,
        grouped=grouped,
        queue=queue or MongoQueue(store, counters),
        journal=MongoJournal(store, clock),
        blobs=blobs,
        spend=MongoSpendBook(store),
        tallies=tallies,
        tallying=tallying,
        views=MongoRunViews(store),
        payloads=Payloads(blobs, timedelta(seconds=settings.blob_lifetime_seconds)),
    )
