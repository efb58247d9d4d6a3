"""Assembly of the storage."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from jobs_service import cancels as cancel_repository
from jobs_service import conversations as conversation_repository
from jobs_service import events as event_repository
from jobs_service import journal as journal_repository
from jobs_service import payloads as blob_repository
from jobs_service.dead_letters import repository as dead_letter_repository
from jobs_service.journal import MongoJournal
from jobs_service.payloads import MongoBlobs, Payloads
from jobs_service.queue import counters as counter_repository
from jobs_service.queue.capacity import Queue
from jobs_service.queue.counters import CapacityCounters
from jobs_service.queue.repository import MongoQueue
from jobs_service.recordings import repository as recording_repository
from jobs_service.recordings.repository import MongoRecordings
from jobs_service.replay_sets import documents as replay_set_documents
from jobs_service.replay_sets.repository import MongoReplaySets
from jobs_service.replay_sets.routes import MongoReplayOutputs
from jobs_service.replay_sets.runner import ReplayPace
from jobs_service.runs import documents as run_documents
from jobs_service.runs.documents import RunHooks, RunRepository, RunResult
from jobs_service.runs.repository import GroupedRuns
from jobs_service.runs.run import Run
from jobs_service.search import index as search_repository
from jobs_service.search.index import MongoSearchIndex, RunIndexer
from jobs_service.settings import JobsSettings
from jobs_service.spend import MongoSpend
from jobs_service.statistics import repository as interval_repository
from jobs_service.statistics import repository as run_count_repository
from jobs_service.statistics.collector import RunCounter, StatisticsCollector
from jobs_service.statistics.repository import MongoIntervals, MongoRunCounts
from jobs_service.views.repository import MongoRunViews
from jobs_service.webhooks import repository as delivery_repository
from jobs_service.webhooks import subscriptions as secret_repository
from jobs_service.webhooks import subscriptions as subscription_repository
from jobs_service.webhooks.subscriptions import MongoSubscriptions
from shared.clock import Clock
from shared.security.aes_gcm import AesGcmKeyRing
from shared.store.client import Store

INDEXES: Final = (
    *run_documents.INDEXES,
    *counter_repository.INDEXES,
    *journal_repository.INDEXES,
    *cancel_repository.INDEXES,
    *blob_repository.INDEXES,
    *conversation_repository.INDEXES,
    *dead_letter_repository.INDEXES,
    *delivery_repository.INDEXES,
    *subscription_repository.SUBSCRIPTION_INDEXES,
    *secret_repository.INDEXES,
    *event_repository.INDEXES,
    *run_count_repository.INDEXES,
    *recording_repository.INDEXES,
    *interval_repository.INTERVAL_INDEXES,
    *search_repository.INDEXES,
    *replay_set_documents.INDEXES,
)
WEBHOOK_KEYS: Final = "FLOWPORT_WEBHOOK_KEYS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """The store and the shared repositories."""

    store: Store
    counters: CapacityCounters
    subscriptions: MongoSubscriptions
    webhook_keys: AesGcmKeyRing
    runs: RunRepository
    grouped: GroupedRuns
    """Grouped runs of the store, to be started; they are in use unless `runs` is given."""
    queue: Queue
    journal: MongoJournal
    blobs: MongoBlobs
    recordings: MongoRecordings
    replay_sets: MongoReplaySets
    replay_outputs: MongoReplayOutputs
    replay_pace: ReplayPace
    spend: MongoSpend
    run_counts: MongoRunCounts
    run_counter: RunCounter
    intervals: MongoIntervals
    statistics: StatisticsCollector
    indexer: RunIndexer
    hooks: RunHooks
    views: MongoRunViews
    payloads: Payloads


def open_store(settings: JobsSettings) -> Store:
    """Return the database of jobs-service, not yet started."""
    return Store(settings.mongodb_uri, f"{settings.mongodb_prefix}_jobs", INDEXES)


def make_storage(
    settings: JobsSettings, store: Store, clock: Clock, runs: RunRepository | None, queue: Queue | None
) -> Storage:
    """Build the repositories in `store`, except for the given ones."""
    counters = CapacityCounters(store)
    key_ring = AesGcmKeyRing.parse(settings.webhook_keys.get_secret_value(), setting=WEBHOOK_KEYS)
    subscriptions = MongoSubscriptions(store, key_ring)
    run_counts = MongoRunCounts(store)
    run_counter = RunCounter(run_counts)
    intervals = MongoIntervals(store)
    statistics = StatisticsCollector(intervals)
    indexer = RunIndexer(MongoSearchIndex(store))

    replay_pace = ReplayPace(settings.replays_per_second, clock)

    def observe(run: Run, result: RunResult | None) -> None:
        if not run.is_replay:
            replay_pace.observe_caller()
        run_counter.count(run)
        statistics.add(run, result)
        indexer.add(run, result)

    hooks = RunHooks(subscriptions.has_any, observe)
    grouped = GroupedRuns(store, settings.rules, hooks)
    replay_sets = MongoReplaySets(store, key_ring)
    blobs = MongoBlobs(store, max_bytes=settings.blob_max_bytes)
    return Storage(
        store=store,
        counters=counters,
        subscriptions=subscriptions,
        webhook_keys=key_ring,
        runs=runs or grouped,
        grouped=grouped,
        queue=queue or MongoQueue(store, counters),
        journal=MongoJournal(store, clock),
        blobs=blobs,
        recordings=MongoRecordings(store, key_ring, replay_sets.forget_recordings),
        replay_sets=replay_sets,
        replay_outputs=MongoReplayOutputs(store, blobs),
        replay_pace=replay_pace,
        spend=MongoSpend(store),
        run_counts=run_counts,
        run_counter=run_counter,
        intervals=intervals,
        statistics=statistics,
        indexer=indexer,
        hooks=hooks,
        views=MongoRunViews(store),
        payloads=Payloads(blobs, timedelta(seconds=settings.blob_lifetime_seconds)),
    )
