"""Assembly of dead letters, failed runs and their redrive."""

from dataclasses import dataclass
from datetime import timedelta

from jobs_service.bootstrap.runs import RunHandling
from jobs_service.bootstrap.storage import Kept
from jobs_service.dead_letters.lost_runs import DroppedCalls
from jobs_service.dead_letters.redrive import Redriving
from jobs_service.dead_letters.repository import MongoDeadLetters
from jobs_service.dead_letters.service import DeadLettering
from jobs_service.settings import JobsSettings
from shared.broker.ports import Broker
from shared.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Redrives:
    """Redrive of dead letters and failed runs."""

    redriving: Redriving
    dead_lettering: DeadLettering


def make_redrives(settings: JobsSettings, kept: Kept, handling: RunHandling, broker: Broker, clock: Clock) -> Redrives:
    """Redrive a failed run as a new run, a dead letter as a message."""
    letters = MongoDeadLetters(kept.store, timedelta(seconds=settings.dead_letter_lifetime_seconds))
    redriving = Redriving(kept.runs, handling.accepting)
    dropped_calls = DroppedCalls(broker.replies, handling.recording, clock)
    dead_lettering = DeadLettering(letters, kept.runs, redriving, broker.work, dropped_calls)
    return Redrives(redriving=redriving, dead_lettering=dead_lettering)
