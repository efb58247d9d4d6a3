"""Assembly of the storage."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from jobs_service.cancels import repository as mongo_cancels
from jobs_service.conversations import repository as mongo_conversations
from jobs_service.dead_letters import repository as mongo_dead_letters
from jobs_service.events import repository as mongo_event_log
from jobs_service.journal import repository as mongo_journal
from jobs_service.journal.repository import MongoJournal
from jobs_service.payloads import repository as mongo_blobs
from jobs_service.payloads.repository import MongoBlobs
from jobs_service.payloads.service import Payloads
from jobs_service.queue import counter_repository as capacity_counters
from jobs_service.queue.counter_repository import CapacityCounters
from jobs_service.queue.ports import Queue
from jobs_service.queue.repository import MongoQueue
from jobs_service.runs import documents as run_documents
from jobs_service.runs.grouped_repository import GroupedRuns
from jobs_service.runs.ports import Runs
from jobs_service.settings import JobsSettings
from jobs_service.spend.repository import MongoSpendBook
from jobs_service.statistics import repository as mongo_tallies
from jobs_service.statistics.repository import MongoTallies
from jobs_service.statistics.service import Tallying
from jobs_service.views.repository import MongoRunViews
from jobs_service.webhooks import repository as mongo_notices
from jobs_service.webhooks import secret_repository as mongo_webhook_secrets
from jobs_service.webhooks import subscription_repository as mongo_subscriptions
from jobs_service.webhooks.subscription_repository import MongoSubscriptions
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
    """The store and the shared repositories."""

    store: Store
    counters: CapacityCounters
    subscriptions: MongoSubscriptions
    webhook_keys: AesGcmKeyRing
    runs: Runs
    grouped: GroupedRuns
    """Grouped runs of the store, to be started; they are in use unless `runs` is given."""
    queue: Queue
    journal: MongoJournal
    blobs: MongoBlobs
    spend: MongoSpendBook
    tallies: MongoTallies
    tallying: Tallying
    views: MongoRunViews
    payloads: Payloads


def open_store(settings: JobsSettings) -> Store:
    """Return the database of jobs-service, not yet started."""
    return Store(settings.mongodb_uri, f"{settings.mongodb_prefix}_jobs", INDEXES)


def make_kept(settings: JobsSettings, store: Store, clock: Clock, runs: Runs | None, queue: Queue | None) -> Kept:
    """Build the repositories in `store`, except for the given ones."""
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
