"""Assembly of dead letters, failed runs and their redrive."""

from dataclasses import dataclass
from datetime import timedelta

from jobs_service.bootstrap.runs import RunServices
from jobs_service.bootstrap.storage import Storage
from jobs_service.dead_letters.lost_runs import LostRunNotifier
from jobs_service.dead_letters.redrive import RedriveService
from jobs_service.dead_letters.repository import MongoDeadLetters
from jobs_service.dead_letters.service import DeadLetterService
from jobs_service.settings import JobsSettings
from shared.broker.ports import Broker
from shared.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterServices:
    """Redrive of dead letters and failed runs."""

    run_redrive: RedriveService
    dead_letters: DeadLetterService


def make_dead_letter_services(
    settings: JobsSettings, storage: Storage, services: RunServices, broker: Broker, clock: Clock
) -> DeadLetterServices:
    """Redrive a failed run as a new run, a dead letter as a message."""
    letters = MongoDeadLetters(storage.store, timedelta(seconds=settings.dead_letter_lifetime_seconds))
    run_redrive = RedriveService(storage.runs, services.admission)
    lost_runs = LostRunNotifier(broker.replies, services.records, clock)
    dead_letters = DeadLetterService(letters, storage.runs, run_redrive, broker.work, lost_runs)
    return DeadLetterServices(run_redrive=run_redrive, dead_letters=dead_letters)
