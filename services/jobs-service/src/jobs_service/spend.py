"""Model costs of workspaces."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Protocol

from fastapi import APIRouter, Depends, Query
from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError
from starlette.responses import Response

from jobs_service.leadership import Leader
from jobs_service.payloads import BlobRepository
from jobs_service.runs.documents import CHARGE, RUNS, UNCHARGED, decode_usage
from jobs_service.runs.run import Phase
from jobs_service.store import from_ms, now_ms, to_ms
from shared.clock import Clock
from shared.contracts.runs import Spend, Usage, plausible_tokens
from shared.ids import new_id
from shared.service import ServiceName
from shared.store.client import Document, Store, store_call
from shared.web.internal_auth import ServiceTokens, only
from shared.web.struct_bodies import StructResponse


class SpendRepository(Protocol):
    """Model costs of workspaces, each run exactly once."""

    async def collect(self, limit: int) -> int:
        """Book up to `limit` ended runs; return how many."""

    async def of_month(self, workspace_id: str, month: str) -> Usage:
        """Return the sum of one month, `YYYY-MM`."""


CHARGES: Final = "charges"
LOST_MS: Final = 600_000
"""By then the process that stored a charge has stored its runs or is dead: another process has their records."""
OPEN: Final = [Phase.RESERVED.value, Phase.ATTACHED.value]
"""Runs that a record may still change."""
SPEND_FIELDS: Final = dict.fromkeys(("workspace_id", "usage", "ended_ms", "created_ms"), 1)
_FIELDS: Final = SPEND_FIELDS | dict.fromkeys(("phase", CHARGE), 1)


@dataclass(frozen=True, slots=True)
class DueCharges:
    """Charges ready for booking, whose runs are all stored, and the runs that they book."""

    charge_ids: Sequence[str]
    runs: Sequence[Document]


class MongoCharges:
    """Charges in MongoDB."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._charges = store.collection(CHARGES)
        self._runs = store.collection(RUNS)

    async def open(self, run_ids: Sequence[str], now: datetime) -> str:
        """Store a charge for runs about to be stored; return its id for their `CHARGE`."""
        charge_id = new_id()
        await self._charges.insert_one({"_id": charge_id, "run_ids": list(dict.fromkeys(run_ids)), "at_ms": to_ms(now)})
        return charge_id

    async def due(self, limit: int) -> DueCharges:
        """Return the first charges, with about `limit` runs. Charges that must wait do not block others."""
        charge_ids: list[str] = []
        booked: list[Document] = []
        for charges in _portions(await self._charges.find().limit(2 * limit).to_list(), limit):
            due = await self._due_of(charges)
            charge_ids += due.charge_ids
            booked += due.runs
            if len(booked) >= limit:
                break
        return DueCharges(charge_ids, booked)

    async def _due_of(self, charges: Sequence[Document]) -> DueCharges:
        ids = {run_id for charge in charges for run_id in charge["run_ids"]}
        runs = {each["_id"]: each for each in await self._runs.find({"_id": {"$in": list(ids)}}, _FIELDS).to_list()}
        stored = {charge["_id"] for charge in charges if _is_stored(charge["run_ids"], runs)}
        lost_ms = await now_ms(self._store) - LOST_MS if len(stored) < len(charges) else 0
        due = [charge for charge in charges if charge["_id"] in stored or charge["at_ms"] < lost_ms]
        booked = [
            run
            for charge in due
            for run_id in charge["run_ids"]
            if (run := runs.get(run_id)) is not None and run.get(CHARGE) == charge["_id"]
        ]
        return DueCharges([charge["_id"] for charge in due], booked)

    async def close(self, charge_ids: Sequence[str]) -> None:
        """Delete booked charges."""
        if charge_ids:
            await self._charges.delete_many({"_id": {"$in": list(charge_ids)}})

    async def still_open(self, charge_ids: Iterable[str]) -> frozenset[str]:
        """Return the charges that are not booked."""
        wanted = list(charge_ids)
        if not wanted:
            return frozenset()
        found = await self._charges.find({"_id": {"$in": wanted}}, {"_id": 1}).to_list()
        return frozenset(each["_id"] for each in found)


def _portions(charges: Sequence[Document], limit: int) -> Iterator[Sequence[Document]]:
    """Group charges of about `limit` runs."""
    portion: list[Document] = []
    size = 0
    for charge in charges:
        portion.append(charge)
        size += len(charge["run_ids"])
        if size >= limit:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _is_stored(run_ids: Iterable[str], runs: dict[str, Document]) -> bool:
    """Return whether records can no longer change the runs: they have ended, by any record, or become durable."""
    return all(run_id in runs and runs[run_id]["phase"] not in OPEN for run_id in run_ids)


SPEND: Final = "spend"
NOTE: Final = "*"
"""Id of the document that describes the current batch. It is no valid workspace id."""
BOOKED: Final = "booked"
"""Costs of a run booked before its end, and the batch that booked them."""
_MARKED_FIELDS: Final = SPEND_FIELDS | {"phase": 1, BOOKED: 1}
_BATCH_FIELDS: Final = ("run_ids", "charge_ids", "parts", "sums")
"""Fields of a note until its batch is booked."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """Runs whose costs are booked together: marked runs, and runs with charges. `number` increases by one per batch.

    `parts` are marked runs that may have further costs, with their costs so far.
    """

    number: int
    run_ids: Sequence[str]
    charge_ids: Sequence[str]
    parts: Sequence[Document]
    sums: Sequence[Document]

    @property
    def fields(self) -> Document:
        """Return the note's fields."""
        return {name: getattr(self, name) for name in _BATCH_FIELDS}


class MongoSpend:
    """Implements SpendRepository."""

    def __init__(self, store: Store) -> None:
        self._charges = MongoCharges(store)
        self._runs = store.collection(RUNS)
        self._spend = store.collection(SPEND)

    @store_call
    async def collect(self, limit: int) -> int:
        noted = await self._spend.find_one({"_id": NOTE}) or {"number": 0}
        if not noted.keys().isdisjoint(_BATCH_FIELDS):  # an earlier version may have finished the part it knew
            await self._book(_Batch(noted["number"], *(noted.get(name, []) for name in _BATCH_FIELDS)))
        marked = await self._runs.find({UNCHARGED: True}, _MARKED_FIELDS).limit(limit).to_list()
        due = await self._charges.due(limit)
        if not marked and not due.charge_ids:
            return 0
        runs = [*marked, *due.runs]
        batch = _Batch(
            noted["number"] + 1,
            [each["_id"] for each in marked if _is_whole(each)],
            due.charge_ids,
            [{"run_id": each["_id"], "usage": each["usage"]} for each in marked if not _is_whole(each)],
            list(_sums(runs)),
        )
        if not await self._note(batch):
            return 0
        await self._book(batch)
        return len(runs)

    @store_call
    async def of_month(self, workspace_id: str, month: str) -> Usage:
        found = await self._spend.find_one({"_id": f"{workspace_id}/{month}"})
        if found is None:
            return Usage()
        # The driver returns its own type for integers over 31 bits, which is not JSON.
        return Usage(int(found["input_tokens"]), int(found["output_tokens"]), found["cost_usd"])

    async def _note(self, batch: _Batch) -> bool:
        """Store the note; False if another process stored one since these runs were read: it may include them."""
        done = {"_id": NOTE, "number": batch.number - 1, "run_ids": {"$exists": False}}
        return await self._put(done, {"$set": {"number": batch.number, **batch.fields}})

    async def _book(self, batch: _Batch) -> None:
        for each in batch.sums:
            new = {"_id": each["month"], "batch": {"$not": {"$gte": batch.number}}}
            await self._put(new, {"$inc": each["usage"], "$set": {"batch": batch.number}})
        if batch.run_ids:
            await self._runs.update_many({"_id": {"$in": batch.run_ids}}, {"$unset": {UNCHARGED: 1}})
        if batch.parts:
            await self._runs.bulk_write([_booking_update(part, batch.number) for part in batch.parts], ordered=False)
        await self._charges.close(batch.charge_ids)
        done = dict.fromkeys(_BATCH_FIELDS, 1)
        await self._spend.update_one({"_id": NOTE, "number": batch.number}, {"$unset": done})

    async def _put(self, wanted: Document, change: Document) -> bool:
        """Change the document matching `wanted`, or create it. False if it exists but differs."""
        try:
            await self._spend.update_one(wanted, change, upsert=True)
        except DuplicateKeyError:
            return False
        return True


def _is_whole(run: Document) -> bool:
    """Return whether the run can have no further costs."""
    return Phase(run["phase"]).is_terminal


def _booking_update(part: Document, number: int) -> UpdateOne:
    """Return an update that records the booked costs of a run. Its mark stays if its costs have grown."""
    run = {"_id": part["run_id"], f"{BOOKED}.batch": {"$not": {"$gte": number}}}
    is_all = {"$eq": ["$usage", {"$literal": part["usage"]}]}
    booked = {"$literal": {"usage": part["usage"], "batch": number}}
    return UpdateOne(run, [{"$set": {BOOKED: booked, UNCHARGED: {"$cond": [is_all, "$$REMOVE", f"${UNCHARGED}"]}}}])


def _sums(documents: Iterable[Document]) -> Iterable[Document]:
    sums: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for document in documents:
        month = from_ms(document.get("ended_ms") or document["created_ms"]).strftime("%Y-%m")
        sums[f"{document['workspace_id']}/{month}"].append(_unbooked(document))
    return [
        {"month": month, "usage": {name: sum(each[name] for each in all_) for name in all_[0]}}
        for month, all_ in sums.items()
    ]


def _unbooked(document: Document) -> dict[str, Any]:
    booked = _counts(decode_usage(document[BOOKED]["usage"] if BOOKED in document else None))
    return {name: count - booked[name] for name, count in _counts(decode_usage(document["usage"])).items()}


def _counts(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": plausible_tokens(usage.input_tokens),
        "output_tokens": plausible_tokens(usage.output_tokens),
        "cost_usd": usage.cost_usd,
    }


AT_ONCE: Final = 100
MAX_ROUNDS: Final = 50


class Maintenance:
    """Background bookings and cleanup; active only in the leader."""

    def __init__(self, blobs: BlobRepository, spend: SpendRepository, leader: Leader) -> None:
        self._blobs = blobs
        self._spend = spend
        self._leader = leader

    async def step(self) -> None:
        """Book costs and delete expired values. Raises Unavailable."""
        if await self._leader.term() is not None:
            try:
                await _run_until_done(self._spend.collect)
            finally:  # expired values do not wait for bookings
                await _run_until_done(self._blobs.sweep)

    async def stop(self) -> None:
        """Give up leadership."""
        await self._leader.resign()


async def _run_until_done(step: Callable[[int], Awaitable[int]]) -> None:
    for _ in range(MAX_ROUNDS):
        if await step(AT_ONCE) < AT_ONCE:
            return


Month = Annotated[str | None, Query(pattern=r"^\d{4}-\d{2}$")]


def spend_router(repository: SpendRepository, tokens: ServiceTokens, clock: Clock) -> APIRouter:
    """Return the route for monthly sums; the default is this month."""
    router = APIRouter(prefix="/internal/spend", dependencies=[Depends(only(tokens, ServiceName.GATEWAY))])

    @router.get("/{workspace_id}")
    async def spend(workspace_id: str, month: Month = None) -> Response:
        named = month or clock.now().strftime("%Y-%m")
        return StructResponse(Spend(workspace_id, named, await repository.of_month(workspace_id, named)))

    return router
