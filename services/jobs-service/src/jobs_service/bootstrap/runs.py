"""Assembly of run handling: services, consumers and routes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from fastapi import APIRouter

from jobs_service.bootstrap.storage import Kept
from jobs_service.cancels.bulk import CancellingAll
from jobs_service.cancels.repository import MongoCancelMemory
from jobs_service.cancels.service import Cancelling
from jobs_service.claims.routes import work_routers
from jobs_service.claims.service import Working
from jobs_service.events.consumer import EventsConsumer
from jobs_service.events.repository import MongoEventLog
from jobs_service.events.routes import events_router
from jobs_service.events.service import EventKeeping
from jobs_service.journal.cleanup import Tidying
from jobs_service.journal.service import Journaling
from jobs_service.leadership.loops import Bell, Loop
from jobs_service.pauses.routes import pauses_router
from jobs_service.pauses.service import Pausing
from jobs_service.queue.admission import Accepting
from jobs_service.records.consumer import RecordsConsumer
from jobs_service.records.repository import MongoRecords
from jobs_service.records.service import Recording
from jobs_service.run_ids.service import Reserving
from jobs_service.run_routes import runs_router
from jobs_service.settings import JobsSettings
from jobs_service.views.logs import LogReading
from jobs_service.views.logs_repository import MongoRunLogs
from jobs_service.views.logs_routes import logs_router
from jobs_service.views.reader import Reading
from shared.broker.ports import Broker
from shared.clock import Clock
from shared.security.run_tickets import TicketSigner
from shared.service import Component
from shared.web.internal_auth import ServiceTokens
from shared.web.run_tickets import TicketChecks

TIDY_SECONDS: Final = 1.0
TALLY_SECONDS: Final = 1.0
RESERVATION_CLEANUP_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHandling:
    """Services that handle runs. `bell` wakes the dispatcher."""

    bell: Bell
    tidying: Tidying
    cancelling: Cancelling
    accepting: Accepting
    pausing: Pausing
    working: Working
    journaling: Journaling
    recording: Recording
    events: EventKeeping


def make_run_handling(
    settings: JobsSettings, kept: Kept, broker: Broker, clock: Clock, signer: TicketSigner
) -> RunHandling:
    """Build the services on the given storage."""
    rules, bell, tidying = settings.rules, Bell(), Tidying(kept.journal)
    memory = MongoCancelMemory(kept.store, timedelta(seconds=settings.cancel_memory_seconds))
    cancelling = Cancelling(kept.runs, memory, broker.control, tidying=tidying, rules=rules, dispatcher=bell)
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
        signer=signer,
    )
    records = MongoRecords(kept.store, rules, kept.subscriptions.has_any, kept.tallying.note)
    return RunHandling(
        bell=bell,
        tidying=tidying,
        cancelling=cancelling,
        accepting=Accepting(kept.queue, kept.payloads, cancelling, settings.queue_limits, bell),
        pausing=pausing,
        working=working,
        journaling=Journaling(kept.runs, kept.journal, rules),
        recording=Recording(records, kept.payloads, cancelling),
        events=EventKeeping(MongoEventLog(kept.store, clock), kept.views),
    )


def run_consumers(settings: JobsSettings, handling: RunHandling, broker: Broker) -> Sequence[Component]:
    """Return the consumers of broker messages about runs."""
    return (
        RecordsConsumer(broker, handling.recording, drain_seconds=settings.drain_seconds),
        EventsConsumer(broker, handling.events, drain_seconds=settings.drain_seconds),
    )


def tidier(handling: RunHandling) -> Component:
    """Return the cleanup of ended runs' journals."""
    return Loop("tidier", handling.tidying.step, every=TIDY_SECONDS, on_stop=handling.tidying.step)


def tallier(kept: Kept) -> Component:
    """Return the loop that stores run counts; stopped after everything that ends runs."""
    return Loop("tallier", kept.tallying.step, every=TALLY_SECONDS, on_stop=kept.tallying.step)


def reservation_cleaner(kept: Kept) -> Component:
    """Return the loop that removes reservations of stored batches; stopped after the last batch."""
    end = kept.queue.end_reservations
    return Loop("reservation-cleaner", end, every=RESERVATION_CLEANUP_SECONDS, on_stop=end)


def run_routers(kept: Kept, handling: RunHandling, tokens: ServiceTokens, checks: TicketChecks) -> Sequence[APIRouter]:
    """Return the routes for single runs, many runs, and workers."""
    reading = Reading(kept.views, kept.payloads)
    return (
        runs_router(
            handling.accepting,
            reading,
            handling.cancelling,
            Reserving(kept.runs),
            tokens,
            all_at_once=CancellingAll(kept.views, handling.cancelling),
        ),
        logs_router(LogReading(MongoRunLogs(kept.store), reading), tokens),
        events_router(handling.events, tokens),
        *work_routers(handling.working, handling.journaling, tokens, checks),
        pauses_router(handling.pausing, tokens, checks),
    )
