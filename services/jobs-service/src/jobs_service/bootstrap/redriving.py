"""Dead letters, failed runs, and how they are tried again."""

from dataclasses import dataclass
from datetime import timedelta

from jobs_service.bootstrap.kept import Kept
from jobs_service.bootstrap.runs import RunHandling
from jobs_service.dead_letters.dropped_calls import DroppedCalls
from jobs_service.dead_letters.redrive import Redriving
from jobs_service.dead_letters.repository import MongoDeadLetters
from jobs_service.dead_letters.service import DeadLettering
from jobs_service.settings import JobsSettings
from shared.broker.ports import Broker
from shared.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Redrives:
    """What did not come to a good end."""

    redriving: Redriving
    dead_lettering: DeadLettering


def make_redrives(settings: JobsSettings, kept: Kept, handling: RunHandling, broker: Broker, clock: Clock) -> Redrives:
    """A failed run becomes a run of its own, a dead letter a message again."""
    letters = MongoDeadLetters(kept.store, timedelta(seconds=settings.dead_letter_lifetime_seconds))
    redriving = Redriving(kept.runs, handling.accepting)
    dropped_calls = DroppedCalls(broker.replies, handling.recording, clock)
    dead_lettering = DeadLettering(letters, kept.runs, redriving, broker.work, dropped_calls)
    return Redrives(redriving=redriving, dead_lettering=dead_lettering)
