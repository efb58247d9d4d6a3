"""Spend per workspace and month, each run exactly once, by single-document writes that any process can resume.

Runs are booked in batches, one after the other. A note is stored before each batch: it lists the runs, by marks and by
charges, and their sums. Then each month adds its sum, unless it includes this batch already; the runs' marks, the
charges and finally the note are removed. A process that finds a note finishes it first, so that a killed process only
delays a booking.

A paused run has costs, and reports them again when it ends. So its document records the costs already booked.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError

from jobs_service.runs.documents import RUNS, UNCHARGED, decode_usage
from jobs_service.runs.run import Phase
from jobs_service.spend.charges import SPEND_FIELDS, MongoCharges
from jobs_service.store.timestamps import from_ms
from shared.contracts.runs import Usage, plausible_tokens
from shared.store.client import Document, Store, store_call

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
