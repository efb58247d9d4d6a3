"""Recount of the capacity counters from the runs and reservations of one snapshot."""

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from jobs_service.queue.capacity import Reservation


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSnapshot:
    """Counters, reservations and runs at one moment."""

    queued: Mapping[str, int]
    """Value of each workspace's counter."""
    overall: int
    """Value of the overall counter, which includes all of `reservations`."""
    reservations: Sequence[Reservation]
    taken: Mapping[str, Container[str]]
    """The ids of the reservations that the counter of each workspace includes."""
    stored_by: Mapping[str, str | None]
    """The reservation that stored each run. Two reservations may name the same run, and one of them stores it."""
    counted: Mapping[str, int]
    """The runs in the queue of each workspace."""


@dataclass(frozen=True, slots=True)
class Corrections:
    """Amounts to add to the counters."""

    workspaces: Mapping[str, int]
    overall: int


def corrections(snapshot: QueueSnapshot) -> Corrections:
    """Return the corrections: a counter must equal the runs that are queued plus those reserved and not stored.

    A batch of the previous version does not record which steps are done. While one is open, counters that may include
    its capacity are only lowered, and never below that capacity.
    """
    previous = [each for each in snapshot.reservations if each.is_of_previous_version]
    current = [each for each in snapshot.reservations if not each.is_of_previous_version]
    may_hold = Counter[str]()
    for each in previous:
        may_hold.update({name: len(run_ids) for name, run_ids in each.run_ids.items()})
    found = {}
    for name in sorted({*snapshot.queued, *snapshot.counted}):
        taken = snapshot.taken.get(name, ())
        reserved = sum(_unstored(each, name, snapshot) for each in current if each.id in taken)
        missing = snapshot.counted.get(name, 0) + reserved - snapshot.queued.get(name, 0)
        if difference := _certain(missing, may_hold[name]):
            found[name] = difference
    reserved = sum(_unstored(each, name, snapshot) for each in current for name in each.run_ids)
    missing = sum(snapshot.counted.values()) + reserved - snapshot.overall
    return Corrections(found, _certain(missing, may_hold.total()))


def _unstored(reservation: Reservation, workspace_id: str, snapshot: QueueSnapshot) -> int:
    run_ids = reservation.run_ids.get(workspace_id, ())
    return sum(snapshot.stored_by.get(run_id) != reservation.id for run_id in run_ids)


def _certain(missing: int, may_hold: int) -> int:
    return min(0, missing + may_hold) if may_hold else missing
