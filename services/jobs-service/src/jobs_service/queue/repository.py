"""The queue in MongoDB, for the dispatcher."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from jobs_service.queue.admission import Answer, MongoAdmission, WithdrawnRuns
from jobs_service.queue.capacity import (
    ActiveRun,
    QueueLimits,
    QueueSnapshot,
    QueueState,
    Recount,
    Reservation,
    WaitingRun,
    corrections,
)
from jobs_service.queue.counters import OVERALL, CapacityCounters
from jobs_service.runs.documents import IS_REPLAY, RESERVATION, RUNS, UNSETTLED
from jobs_service.runs.run import Phase
from jobs_service.store import from_ms, to_ms
from shared.contracts.jobs import AcceptRun
from shared.store.client import Document, Store, store_call
from shared.store.transactions import Session, transact

ACTIVE: Final = [Phase.DISPATCHED.value, Phase.PROCESSING.value, Phase.REQUEUED.value]
_DISPATCH_IDS: Final = 1_000
"""An unclaimed run is redispatched every ten minutes, so its messages are accepted for a week."""
DISPATCHABLE: Final = [Phase.WAITING.value, Phase.REQUEUED.value, Phase.DISPATCHED.value]
_ACTIVE_FIELDS: Final = dict.fromkeys(("workspace_id", "phase", "attempt", "dispatched_ms", "dispatches", IS_REPLAY), 1)
_UNCLAIMED: Final = {"phase": Phase.DISPATCHED.value, "attempt": 0}


class MongoQueue:
    """Implements Queue."""

    def __init__(self, store: Store, counters: CapacityCounters) -> None:
        self._store = store
        self._runs = store.collection(RUNS)
        self._counters = counters
        self._admission = MongoAdmission(store, counters)
        self._withdrawn = WithdrawnRuns(store)

    @store_call
    async def accept(self, requests: Sequence[AcceptRun], limits: QueueLimits) -> Sequence[Answer]:
        return await self._admission.accept(requests, limits)

    @store_call
    async def end_reservations(self) -> None:
        await self._admission.end_reservations()

    @store_call
    async def state(self) -> QueueState:
        counters = await self._counters.in_use()
        found = await self._runs.find({"phase": {"$in": ACTIVE}}, _ACTIVE_FIELDS).to_list()
        active = [_to_active(each) for each in found]
        unsettled = await self._workspaces_of({UNSETTLED: True})
        again = {run.workspace_id for run in active if run.is_requeued} - set(counters.workspaces)
        known = counters.workspaces
        known = {**known, **(await self._counters.of(again)).workspaces} if again else known
        return QueueState(counters.now, known, counters.overall, counters.reservations, active, unsettled)

    @store_call
    async def waiting(self, workspace_id: str, limit: int) -> Sequence[WaitingRun]:
        query = {"phase": Phase.WAITING.value, "workspace_id": workspace_id}
        found = await self._runs.find(query, {"created_ms": 1}).sort("position", 1).limit(limit).to_list()
        return [WaitingRun(each["_id"], workspace_id, from_ms(each["created_ms"])) for each in found]

    @store_call
    async def mark(self, dispatch_id: str, run_ids: Sequence[str], now: datetime) -> frozenset[str]:
        fields = {"phase": Phase.DISPATCHED.value, "dispatch_id": dispatch_id, "dispatched_ms": to_ms(now)}
        query = {"_id": {"$in": list(run_ids)}, "phase": {"$in": DISPATCHABLE}}
        pushed = {"dispatch_ids": {"$each": [dispatch_id], "$slice": -_DISPATCH_IDS}}
        update = {"$set": fields, "$push": pushed, "$inc": {"dispatches": 1, "revision": 1}}
        if (await self._runs.update_many(query, update)).modified_count == len(run_ids):
            return frozenset(run_ids)
        marked = {"_id": {"$in": list(run_ids)}, "dispatch_id": dispatch_id}
        return frozenset(each["_id"] for each in await self._runs.find(marked, {"_id": 1}).to_list())

    @store_call
    async def settle(self, departed: Mapping[str, int], unsettled: Sequence[str], term: int) -> None:
        await self._counters.settle(departed, await self._counters.of(departed), term)
        if unsettled:
            await self._runs.update_many({"_id": {"$in": list(unsettled)}}, {"$unset": {UNSETTLED: 1}})

    @store_call
    async def expire(self, reservation: Reservation) -> None:
        if reservation.is_of_previous_version:
            await self._withdraw_previous(reservation)
            return
        for run_ids in reservation.run_ids.values():
            await self._withdrawn.withdraw(reservation.id, run_ids)
        await self._counters.remove(reservation)

    async def _withdraw_previous(self, reservation: Reservation) -> None:
        """End an unacknowledged batch of the previous version, with its waiting runs.

        Both in one transaction: that version treats a run without an open offer as accepted.
        """
        run_ids = [run_id for each in reservation.run_ids.values() for run_id in each]
        waiting_runs = {"_id": {"$in": run_ids}, RESERVATION: reservation.id, "phase": Phase.WAITING.value}

        async def end(session: Session) -> None:
            if await self._counters.remove(reservation, session):
                await self._runs.delete_many(waiting_runs, session=session)

        await transact(self._store, end)

    @store_call
    async def recount(self, term: int) -> Recount:
        await self._counters.fence(term)
        snapshot, unclaimed = await transact(self._store, self._snapshot)
        wrong = corrections(snapshot)
        await self._counters.correct({**wrong.workspaces, **({OVERALL: wrong.overall} if wrong.overall else {})}, term)
        is_certain = not any(each.is_of_previous_version for each in snapshot.reservations)
        return Recount(sum(map(abs, wrong.workspaces.values())), unclaimed, is_certain=is_certain)

    async def _snapshot(self, session: Session) -> tuple[QueueSnapshot, Mapping[str, str]]:
        """Read counters and runs in one snapshot. It writes nothing, so it holds no locks if this process dies."""
        pipeline: list[Document] = [
            {"$match": {"phase": Phase.WAITING.value}},
            {"$group": {"_id": "$workspace_id", "count": {"$sum": 1}}},
        ]
        groups = await (await self._runs.aggregate(pipeline, session=session)).to_list()
        waiting = Counter({group["_id"]: group["count"] for group in groups})
        unclaimed = await self._workspaces_of(_UNCLAIMED, session)
        unsettled = await self._workspaces_of({UNSETTLED: True}, session)
        counters = await self._counters.to_check(session)
        snapshot = QueueSnapshot(
            queued={name: counter.queued for name, counter in counters.workspaces.items()},
            overall=counters.overall.queued,
            reservations=counters.reservations,
            taken=counters.taken,
            stored_by=await self._stored_by(counters.reservations, session),
            counted=waiting + Counter(unclaimed.values()) + Counter(unsettled.values()),
        )
        return snapshot, unclaimed

    async def _stored_by(self, reservations: Sequence[Reservation], session: Session) -> Mapping[str, str | None]:
        run_ids = [run_id for each in reservations for ids in each.run_ids.values() for run_id in ids]
        if not run_ids:
            return {}
        found = await self._runs.find({"_id": {"$in": run_ids}}, {RESERVATION: 1}, session=session).to_list()
        return {each["_id"]: each.get(RESERVATION) for each in found}

    async def _workspaces_of(self, query: Document, session: Session | None = None) -> dict[str, str]:
        found = await self._runs.find(query, {"workspace_id": 1}, session=session).to_list()
        return {each["_id"]: each["workspace_id"] for each in found}


def _to_active(document: dict[str, Any]) -> ActiveRun:
    dispatched_ms = document.get("dispatched_ms")
    return ActiveRun(
        run_id=document["_id"],
        workspace_id=document["workspace_id"],
        is_dispatched=document["phase"] == Phase.DISPATCHED.value,
        is_requeued=document["phase"] == Phase.REQUEUED.value,
        has_started=document["attempt"] > 0,
        dispatched_at=None if dispatched_ms is None else from_ms(dispatched_ms),
        dispatches=document.get("dispatches", 0),
        is_replay=document.get(IS_REPLAY, False),
    )
