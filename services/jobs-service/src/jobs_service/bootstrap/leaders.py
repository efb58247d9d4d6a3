"""Loops that run in one process at a time."""

from collections.abc import Sequence
from typing import Final

from jobs_service.bootstrap.runs import RunHandling
from jobs_service.bootstrap.storage import Kept
from jobs_service.claims.reaper import Reaping
from jobs_service.leadership.leader import Leader
from jobs_service.leadership.loops import Loop
from jobs_service.leadership.ports import Leadership
from jobs_service.leadership.repository import MongoLeases
from jobs_service.queue.dispatcher import Dispatching
from jobs_service.settings import JobsSettings
from jobs_service.spend.maintenance import Housekeeping
from shared.broker.ports import Broker
from shared.clock import Clock
from shared.ids import new_id
from shared.service import Component

DISPATCH_GAP_SECONDS: Final = 0.02
HOUSEKEEPING_SECONDS: Final = 5.0


def leaders(
    settings: JobsSettings, kept: Kept, handling: RunHandling, broker: Broker, clock: Clock
) -> Sequence[Component]:
    """Return the dispatcher, the reaper and the cleanup."""
    leases, holder = MongoLeases(kept.store, clock), new_id()

    def leader(of: str) -> Leader:
        return Leader(leases, Leadership(of, holder), settings.leader_lease, clock)

    dispatching = Dispatching(
        kept.queue, broker.work, leader("dispatcher"), settings.dispatch_policy, clock=clock, bell=handling.bell
    )
    reaping = Reaping(
        runs=kept.runs,
        tidying=handling.tidying,
        control=broker.control,
        leader=leader("reaper"),
        rules=settings.rules,
        dispatcher=handling.bell,
        clock=clock,
    )
    housekeeping = Housekeeping(kept.blobs, kept.spend, leader("housekeeper"))
    return (
        Loop(
            "dispatcher",
            dispatching.step,
            every=settings.dispatch_poll_seconds,
            bell=handling.bell,
            gap=DISPATCH_GAP_SECONDS,
            on_stop=dispatching.stop,
        ),
        Loop("reaper", reaping.step, every=settings.job_sweep_seconds, on_stop=reaping.stop),
        Loop("housekeeper", housekeeping.step, every=HOUSEKEEPING_SECONDS, on_stop=housekeeping.stop),
    )
