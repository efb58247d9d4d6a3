"""Assembly of run handling: services, consumers, loops and routes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from fastapi import APIRouter

from jobs_service.bootstrap.storage import Storage
from jobs_service.cancels import BulkCancel, CancelService, MongoPendingCancels
from jobs_service.claims.reaper import Reaper
from jobs_service.claims.service import ClaimService, claim_routers
from jobs_service.events import EventsConsumer, EventService, MongoEvents, events_router
from jobs_service.journal import JournalCleaner, JournalService
from jobs_service.leadership import Leader, Leadership, Loop, MongoLeases, WakeUpEvent
from jobs_service.pauses import PauseService, pauses_router
from jobs_service.queue.admission import AdmissionService
from jobs_service.queue.dispatcher import Dispatcher
from jobs_service.records import MongoRecords, RecordsConsumer, RecordService
from jobs_service.repairs.service import MongoRepairableRuns, RepairService, repairs_router
from jobs_service.replay_sets.routes import ReplaySetService, replay_sets_routers
from jobs_service.replay_sets.runner import ReplaySetRunner
from jobs_service.run_routes import runs_router
from jobs_service.settings import JobsSettings
from jobs_service.spend import Maintenance
from jobs_service.statistics.series import StatisticsReader, statistics_router
from jobs_service.views.logs import LogSearch, RunReader, logs_router
from jobs_service.views.repository import MongoRunLogs
from shared.broker.ports import Broker
from shared.clock import Clock
from shared.ids import new_id
from shared.security.run_tickets import TicketSigner
from shared.service import Component
from shared.web.internal_auth import ServiceTokens
from shared.web.run_tickets import TicketChecks

DISPATCH_GAP_SECONDS: Final = 0.02
MAINTENANCE_SECONDS: Final = 5.0
JOURNAL_CLEANUP_SECONDS: Final = 1.0
RUN_COUNT_SECONDS: Final = 1.0
STATISTICS_SECONDS: Final = 5.0
INDEXING_SECONDS: Final = 2.0
RESERVATION_CLEANUP_SECONDS: Final = 0.5
REPLAY_SECONDS: Final = 1.0
REPLAY_GAP_SECONDS: Final = 0.1
"""Least time between two steps of replay sets, most of which only find that no group is due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunServices:
    """Services that handle runs. `wake_up` wakes the dispatcher."""

    wake_up: WakeUpEvent
    journal_cleaner: JournalCleaner
    cancels: CancelService
    admission: AdmissionService
    pauses: PauseService
    claim_service: ClaimService
    journal_service: JournalService
    records: RecordService
    events: EventService
    repairs: RepairService
    replay_sets: ReplaySetService
    replay_wake_up: WakeUpEvent
    """Wakes the runner of replay sets."""


def make_run_services(
    settings: JobsSettings, storage: Storage, broker: Broker, clock: Clock, signer: TicketSigner
) -> RunServices:
    """Build the services on the given storage."""
    rules, wake_up, journal_cleaner = settings.rules, WakeUpEvent(), JournalCleaner(storage.journal)
    pending_cancels = MongoPendingCancels(storage.store, timedelta(seconds=settings.cancel_memory_seconds))
    cancels = CancelService(
        storage.runs, pending_cancels, broker.control, journal_cleaner=journal_cleaner, rules=rules, dispatcher=wake_up
    )
    pauses = PauseService(
        runs=storage.runs,
        journal=storage.journal,
        blobs=storage.blobs,
        payloads=storage.payloads,
        cancels=cancels,
        rules=rules,
        dispatcher=wake_up,
    )
    claim_service = ClaimService(
        runs=storage.runs,
        journal=storage.journal,
        payloads=storage.payloads,
        pauses=pauses,
        journal_cleaner=journal_cleaner,
        rules=rules,
        dispatcher=wake_up,
        signer=signer,
    )
    records = MongoRecords(storage.store, rules, storage.hooks)
    replay_wake_up = WakeUpEvent()
    admission = AdmissionService(storage.queue, storage.payloads, cancels, settings.queue_limits, wake_up)
    return RunServices(
        wake_up=wake_up,
        journal_cleaner=journal_cleaner,
        cancels=cancels,
        admission=admission,
        pauses=pauses,
        claim_service=claim_service,
        journal_service=JournalService(storage.runs, storage.journal, rules),
        records=RecordService(records, storage.payloads, cancels),
        events=EventService(MongoEvents(storage.store, clock), storage.views),
        repairs=RepairService(
            runs=storage.runs,
            views=storage.views,
            repairable=MongoRepairableRuns(storage.store),
            journal=storage.journal,
            admission=admission,
        ),
        replay_sets=ReplaySetService(storage.replay_sets, storage.replay_outputs, cancels, replay_wake_up),
        replay_wake_up=replay_wake_up,
    )


def run_consumers(settings: JobsSettings, services: RunServices, broker: Broker) -> Sequence[Component]:
    """Return the consumers of broker messages about runs."""
    return (
        RecordsConsumer(broker, services.records, drain_seconds=settings.drain_seconds),
        EventsConsumer(broker, services.events, drain_seconds=settings.drain_seconds),
    )


def leaders(
    settings: JobsSettings, storage: Storage, services: RunServices, broker: Broker, clock: Clock
) -> Sequence[Component]:
    """Return the loops that run in one process at a time: dispatcher, reaper, maintenance."""
    leases, holder = MongoLeases(storage.store, clock), new_id()

    def leader(of: str) -> Leader:
        return Leader(leases, Leadership(of, holder), settings.leader_lease, clock)

    dispatcher = Dispatcher(
        storage.queue,
        broker.work,
        leader("dispatcher"),
        settings.dispatch_policy,
        clock=clock,
        wake_up=services.wake_up,
    )
    reaper = Reaper(
        runs=storage.runs,
        journal_cleaner=services.journal_cleaner,
        control=broker.control,
        leader=leader("reaper"),
        rules=settings.rules,
        dispatcher=services.wake_up,
        clock=clock,
    )
    replays = ReplaySetRunner(
        storage.replay_sets,
        storage.recordings,
        admission=services.admission,
        views=storage.views,
        payloads=storage.payloads,
        outputs=storage.replay_outputs,
        counters=storage.counters,
        leader=leader("replays"),
        limits=settings.replay_limits,
        pace=storage.replay_pace,
        wake_up=services.replay_wake_up,
    )
    maintenance = Maintenance(storage.blobs, storage.spend, leader("housekeeper"))
    return (
        Loop(
            "dispatcher",
            dispatcher.step,
            every=settings.dispatch_poll_seconds,
            wake_up=services.wake_up,
            gap=DISPATCH_GAP_SECONDS,
            on_stop=dispatcher.stop,
        ),
        Loop("reaper", reaper.step, every=settings.job_sweep_seconds, on_stop=reaper.stop),
        Loop(
            "replays",
            replays.step,
            every=REPLAY_SECONDS,
            wake_up=services.replay_wake_up,
            gap=REPLAY_GAP_SECONDS,
            on_stop=replays.stop,
        ),
        Loop("housekeeper", maintenance.step, every=MAINTENANCE_SECONDS, on_stop=maintenance.stop),
    )


def journal_cleanup_loop(services: RunServices) -> Component:
    """Return the cleanup of ended runs' journals."""
    return Loop(
        "journal-cleaner",
        services.journal_cleaner.step,
        every=JOURNAL_CLEANUP_SECONDS,
        on_stop=services.journal_cleaner.step,
    )


def run_count_loops(storage: Storage) -> Sequence[Component]:
    """Return the loops that count and index ended runs; stopped after everything that ends runs."""
    counter, statistics, indexer = storage.run_counter, storage.statistics, storage.indexer
    return (
        Loop("run-counter", counter.step, every=RUN_COUNT_SECONDS, on_stop=counter.step),
        Loop("run-statistics", statistics.step_some, every=STATISTICS_SECONDS, on_stop=statistics.step),
        Loop("run-indexer", indexer.step_some, every=INDEXING_SECONDS, on_stop=indexer.step),
    )


def reservation_cleanup_loop(storage: Storage) -> Component:
    """Return the loop that removes reservations of stored batches; stopped after the last batch."""
    end = storage.queue.end_reservations
    return Loop("reservation-cleaner", end, every=RESERVATION_CLEANUP_SECONDS, on_stop=end)


def run_routers(
    storage: Storage, services: RunServices, tokens: ServiceTokens, checks: TicketChecks
) -> Sequence[APIRouter]:
    """Return the routes for single runs, many runs, and workers."""
    reader = RunReader(storage.views, storage.payloads)
    logs = LogSearch(MongoRunLogs(storage.store), reader)
    return (
        runs_router(
            services.admission,
            reader,
            services.cancels,
            storage.runs,
            tokens,
            bulk_cancel=BulkCancel(storage.views, services.cancels),
        ),
        logs_router(logs, tokens),
        statistics_router(StatisticsReader(storage.intervals, storage.run_counts, logs), tokens),
        events_router(services.events, tokens),
        *claim_routers(services.claim_service, services.journal_service, tokens, checks),
        pauses_router(services.pauses, tokens, checks),
        repairs_router(services.repairs, tokens),
        *replay_sets_routers(storage.replay_sets, services.replay_sets, storage.runs, tokens, checks),
    )
