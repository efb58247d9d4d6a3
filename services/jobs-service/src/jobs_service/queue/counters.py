"""Capacity counters of the queue in MongoDB: one document for each workspace, and one overall.

Each document holds a number and the reservations that the number includes. One update changes both, so that they agree
even if a process freezes or dies.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any, Final

from fastapi import APIRouter, Depends
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError
from starlette.responses import Response

from jobs_service.queue.capacity import (
    DEFAULT_CONCURRENCY,
    Drain,
    QueueCounter,
    QueueLimits,
    Reservation,
    expected_wait,
)
from jobs_service.store import DUPLICATE, from_ms, to_ms
from shared.contracts.jobs import QueueStatus
from shared.service import ServiceName
from shared.store.client import Document, Store, store_call
from shared.store.indexes import Index, ascending
from shared.store.server_time import add_server_time
from shared.store.transactions import Session
from shared.web.internal_auth import ServiceTokens, only
from shared.web.struct_bodies import StructResponse

COUNTERS: Final = "queues"
OVERALL: Final = "*"
RESERVATIONS: Final = "offers"
"""Stored name. The previous version reads the reservations of the overall counter as its own offers."""
INDEXES: Final = (Index(COUNTERS, ascending("queued")),)
NEVER_MS: Final = 253_370_764_800_000
"""Stored age of a reservation.

The previous version withdraws reservations that are 15 s old, and must not withdraw these, whose runs it cannot find. A
smaller number marks an offer of the previous version.
"""

# Neither one `$or` nor `$gt: 0`: for these SecantusDB reads the counters of all workspaces.
_POSITIVE: Final[Document] = {"queued": {"$gte": 1}}
_NEGATIVE: Final[Document] = {"queued": {"$lte": -1}}


@dataclass(frozen=True, slots=True)
class OpenCounters:
    """Counters at one moment of the store's time."""

    now: datetime
    workspaces: Mapping[str, QueueCounter]
    overall: QueueCounter
    reservations: Sequence[Reservation]
    """Those of the overall counter."""
    taken: Mapping[str, frozenset[str]]
    """The ids of the reservations in each workspace's counter."""


class CapacityCounters:
    """Reads and changes the counters."""

    def __init__(self, store: Store) -> None:
        self._documents = store.collection(COUNTERS)

    @store_call
    async def start(self) -> None:
        """Create the overall counter. Raises Unavailable. A read of it also returns the store's time."""
        await self._documents.update_one({"_id": OVERALL}, {"$setOnInsert": {"queued": 0}}, upsert=True)

    async def stop(self) -> None:
        """Nothing to close."""

    async def of(self, workspace_ids: Iterable[str]) -> OpenCounters:
        """Return the counters of these workspaces, without reservations."""
        return await self._read({"_id": {"$in": [*workspace_ids, OVERALL]}}, hidden=(RESERVATIONS,))

    @store_call
    async def counter(self, workspace_id: str) -> tuple[QueueCounter, datetime]:
        """Return a workspace's counter, and the store's time when it was read."""
        counters = await self.of([workspace_id])
        return counters.workspaces.get(workspace_id, QueueCounter()), counters.now

    async def in_use(self) -> OpenCounters:
        """Return the counters of all workspaces that have queued runs."""
        return await self._read({"_id": OVERALL}, _POSITIVE)

    async def to_check(self, session: Session) -> OpenCounters:
        """Return the counters in use, and inconsistent ones."""
        return await self._read({"_id": OVERALL}, _POSITIVE, _NEGATIVE, session=session)

    async def open_previous_reservations(self) -> frozenset[str]:
        """Return the ids of the offers of the previous version that have not ended."""
        reservations = (await self._read({"_id": OVERALL})).reservations
        return frozenset(each.id for each in reservations if each.is_of_previous_version)

    async def reserve(
        self,
        reservation: Reservation,
        concurrency_limits: Mapping[str, int],
        limits: QueueLimits,
        ended: Sequence[Reservation] = (),
    ) -> bool:
        """Reserve capacity for all runs of a batch; return False, and reserve nothing, if there is not enough.

        `ended`: reservations whose runs are all stored. The same command removes them if it succeeds.
        """
        unset = {_field(each): 1 for each in ended}
        fields = {"at_ms": NEVER_MS, "places": _counts(reservation), "runs": list(_run_ids(reservation))}
        statements = [_take(OVERALL, reservation.total, limits.overall, {_field(reservation): fields}, unset)]
        for name, run_ids in reservation.run_ids.items():
            added = {_field(reservation): len(run_ids), "concurrency_limit": concurrency_limits[name]}
            statements.append(_take(name, len(run_ids), limits.per_workspace, added, unset))
        others = {name for each in ended for name in each.run_ids} - set(reservation.run_ids)
        statements += [UpdateOne({"_id": name}, {"$unset": unset}) for name in others]
        try:
            await self._documents.bulk_write(statements, ordered=True)
        except BulkWriteError as error:
            failures = error.details["writeErrors"]
            if error.details["writeConcernErrors"] or any(each["code"] != DUPLICATE for each in failures):
                raise
            if failures[0]["index"]:
                await self.end(reservation, _counts(reservation))
            return False
        return True

    async def end(self, reservation: Reservation, unused: Mapping[str, int]) -> None:
        """Remove a reservation and free its unused slots. A counter that no longer includes it stays unchanged."""
        is_there = {_field(reservation): {"$exists": True}}
        counts = [*((name, unused.get(name, 0)) for name in reservation.run_ids), (OVERALL, sum(unused.values()))]
        # The overall counter last: the previous version treats a batch as open until then.
        await self._documents.bulk_write(
            [
                UpdateOne({"_id": name} | is_there, {"$unset": {_field(reservation): 1}, "$inc": {"queued": -count}})
                for name, count in counts
            ],
            ordered=True,
        )

    async def remove(self, reservation: Reservation, session: Session | None = None) -> bool:
        """Remove a reservation and leave the numbers to a recount; return False if the overall counter no longer has
        it.
        """
        removed = {"$unset": {_field(reservation): 1}}
        is_there = {"_id": OVERALL, _field(reservation): {"$exists": True}}
        await self._documents.update_many({"_id": {"$in": list(reservation.run_ids)}}, removed, session=session)
        return (await self._documents.update_one(is_there, removed, session=session)).matched_count == 1

    async def settle(self, departed: Mapping[str, int], counters: OpenCounters, term: int) -> None:
        """Subtract runs that left the queue, unless a later leader has fenced the counters."""
        updates = [
            _inc(name, -count, term=term, drain=_drained(counters.workspaces.get(name), count, counters.now))
            for name, count in departed.items()
        ]
        total = sum(departed.values())
        overall = _inc(OVERALL, -total, term=term, drain=_drained(counters.overall, total, counters.now))
        await self._write([*updates, overall])

    async def correct(self, differences: Mapping[str, int], term: int) -> None:
        """Add a recount's corrections, unless a later leader has fenced the counters."""
        await self._write([_inc(name, added, term=term, upsert=True) for name, added in differences.items()])

    async def fence(self, term: int) -> None:
        """Fence the counters: later changes by leaders of earlier terms have no effect."""
        await self._documents.update_many({}, {"$max": {"term": term}})

    async def _write(self, updates: list[UpdateOne]) -> None:
        if updates:
            await self._documents.bulk_write(updates, ordered=False)

    async def _read(
        self, *queries: Document, hidden: Iterable[str] = (), session: Session | None = None
    ) -> OpenCounters:
        found: dict[str, Document] = {}
        for query in queries:
            pipeline: list[Document] = [{"$match": query}, add_server_time(blank=hidden)]
            documents = await (await self._documents.aggregate(pipeline, session=session)).to_list()
            found |= {document["_id"]: document for document in documents}
        overall = found.pop(OVERALL)
        return OpenCounters(
            from_ms(overall["now_ms"]),
            {name: _to_counter(document) for name, document in found.items()},
            _to_counter(overall),
            [_to_reservation(id_, fields) for id_, fields in _reservations(overall).items()],
            {name: frozenset(_reservations(document)) for name, document in found.items()},
        )


def _field(reservation: Reservation) -> str:
    return f"{RESERVATIONS}.{reservation.id}"


def _counts(reservation: Reservation) -> dict[str, int]:
    return {name: len(run_ids) for name, run_ids in reservation.run_ids.items()}


def _run_ids(reservation: Reservation) -> Iterable[str]:
    return chain.from_iterable(reservation.run_ids.values())


def _take(name: str, count: int, limit: int, added: Document, removed: Document) -> UpdateOne:
    """Return an update that fails as a duplicate if capacity is insufficient, which ends an ordered bulk."""
    update: Document = {"$inc": {"queued": count}, "$set": added}
    if removed:
        update["$unset"] = removed
    return UpdateOne({"_id": name, "queued": {"$lte": limit - count}}, update, upsert=True)


def _inc(name: str, difference: int, *, term: int, drain: Document | None = None, upsert: bool = False) -> UpdateOne:
    update: Document = {"$inc": {"queued": difference}}
    if drain is not None:
        update["$set"] = {"drain": drain}
    return UpdateOne({"_id": name, "term": {"$not": {"$gt": term}}}, update, upsert=upsert)


def _to_counter(document: Document) -> QueueCounter:
    drain: dict[str, Any] | None = document.get("drain")
    return QueueCounter(
        queued=document.get("queued", 0),
        concurrency_limit=document.get("concurrency_limit", DEFAULT_CONCURRENCY),
        drain=Drain(drain["level"], from_ms(drain["since_ms"]), from_ms(drain["at_ms"])) if drain else None,
    )


def _reservations(document: Document) -> Mapping[str, Any]:
    return document.get(RESERVATIONS) or {}


def _to_reservation(reservation_id: str, fields: Document) -> Reservation:
    """Convert stored fields. Runs are in the order of their workspaces, except in offers."""
    run_ids: dict[str, Sequence[str]] = {}
    first = 0
    for name, count in fields["places"].items():
        run_ids[name] = fields["runs"][first : first + count]
        first += count
    return Reservation(reservation_id, run_ids, is_of_previous_version=fields["at_ms"] < NEVER_MS)


def _drained(counter: QueueCounter | None, departed: int, now: datetime) -> Document:
    known = counter.drain if counter else None
    drain = (known or Drain.starting(now)).after(departed, now)
    return {"level": drain.level, "since_ms": to_ms(drain.since), "at_ms": to_ms(drain.at)}


def queues_router(counters: CapacityCounters, tokens: ServiceTokens, *, limit: int) -> APIRouter:
    """Return the route for a workspace's queue. `limit` is the number of runs that it may have queued."""
    router = APIRouter(prefix="/internal/queues", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])

    @router.get("/{workspace_id}")
    async def standing(workspace_id: str) -> Response:
        counter, now = await counters.counter(workspace_id)
        queued = max(0, counter.queued)
        return StructResponse(QueueStatus(queued, limit, expected_wait(counter.drain, queued, now)))

    return router
