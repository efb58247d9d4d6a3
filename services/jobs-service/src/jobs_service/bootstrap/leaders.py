"""Loops that run in one process at a time."""

from collections.abc import Sequence
from typing import Final

from jobs_service.bootstrap.runs import RunServices
from jobs_service.bootstrap.storage import Storage
from jobs_service.claims.reaper import Reaper
from jobs_service.leadership.leader import Leader
from jobs_service.leadership.loops import Loop
from jobs_service.leadership.ports import Leadership
from jobs_service.leadership.repository import MongoLeases
from jobs_service.queue.dispatcher import Dispatcher
from jobs_service.settings import JobsSettings
from jobs_service.spend.maintenance import Maintenance
from shared.broker.ports import Broker
from shared.clock import Clock
from shared.ids import new_id
from shared.service import Component

DISPATCH_GAP_SECONDS: Final = 0.02
MAINTENANCE_SECONDS: Final = 5.0


def leaders(
    settings: JobsSettings, storage: Storage, services: RunServices, broker: Broker, clock: Clock
) -> Sequence[Component]:
    """Return the dispatcher, the reaper and the cleanup."""
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
        Loop("housekeeper", maintenance.step, every=MAINTENANCE_SECONDS, on_stop=maintenance.stop),
    )
