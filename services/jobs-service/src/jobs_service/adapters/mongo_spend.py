"""Spend per workspace and month, each run exactly once, by single-document writes that anybody may take up half-way.

Runs are booked in batches, one after the other. A batch is noted before anything is done about it: which runs it holds,
by their marks and by charges, and what they come to. Then each month takes its sum, if it has not taken this batch; the
runs lose their marks, the charges go; and then the note does. Whoever finds a note finishes it first, so that a killed
process delays a booking and holds nothing open.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pymongo.errors import DuplicateKeyError

from jobs_service.adapters.moments import from_ms
from jobs_service.adapters.mongo_charges import SPEND_FIELDS, MongoCharges
from jobs_service.adapters.run_documents import RUNS, UNCHARGED, decode_usage
from shared.contracts.usage import Usage, believable
from shared.store.client import Store
from shared.store.documents import Document
from shared.store.errors import store_call

SPEND: Final = "spend"
NOTE: Final = "*"
"""Where the batch under way is noted; no workspace is called so."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """Runs that are booked together: those with marks, and those of charges. `number` grows by one with each batch."""

    number: int
    run_ids: Sequence[str]
    charge_ids: Sequence[str]
    sums: Sequence[Document]


class MongoSpendBook:
    """Implements SpendBook."""

    def __init__(self, store: Store) -> None:
        self._charges = MongoCharges(store)
        self._runs = store.collection(RUNS)
        self._spend = store.collection(SPEND)

    @store_call
    async def collect(self, limit: int) -> int:
        """See SpendBook."""
        noted = await self._spend.find_one({"_id": NOTE}) or {"number": 0}
        if "run_ids" in noted:
            await self._book(_Batch(noted["number"], noted["run_ids"], noted.get("charge_ids", []), noted["sums"]))
        elif "charge_ids" in noted:  # an earlier version finished the rest of the batch
            await self._charges.close(noted["charge_ids"])
            await self._spend.update_one({"_id": NOTE, "number": noted["number"]}, {"$unset": {"charge_ids": 1}})
        marked = await self._runs.find({UNCHARGED: True}, SPEND_FIELDS).limit(limit).to_list()
        due = await self._charges.due(limit)
        if not marked and not due.charge_ids:
            return 0
        runs = [*marked, *due.runs]
        batch = _Batch(noted["number"] + 1, [each["_id"] for each in marked], due.charge_ids, list(_sums(runs)))
        if not await self._note(batch):
            return 0
        await self._book(batch)
        return len(batch.run_ids) + len(due.runs)

    @store_call
    async def of_month(self, workspace_id: str, month: str) -> Usage:
        """See SpendBook."""
        found = await self._spend.find_one({"_id": f"{workspace_id}/{month}"})
        if found is None:
            return Usage()
        # The driver has a type of its own for what is over 31 bits, and that is no JSON.
        return Usage(int(found["input_tokens"]), int(found["output_tokens"]), found["cost_usd"])

    async def _note(self, batch: _Batch) -> bool:
        """False where another process noted one since its runs were looked for: they may be in that."""
        note = {
            "number": batch.number,
            "run_ids": batch.run_ids,
            "charge_ids": batch.charge_ids,
            "sums": batch.sums,
        }
        done = {"_id": NOTE, "number": batch.number - 1, "run_ids": {"$exists": False}}
        return await self._put(done, {"$set": note})

    async def _book(self, batch: _Batch) -> None:
        for each in batch.sums:
            new = {"_id": each["month"], "batch": {"$not": {"$gte": batch.number}}}
            await self._put(new, {"$inc": each["usage"], "$set": {"batch": batch.number}})
        if batch.run_ids:
            await self._runs.update_many({"_id": {"$in": batch.run_ids}}, {"$unset": {UNCHARGED: 1}})
        await self._charges.close(batch.charge_ids)
        done = {"run_ids": 1, "charge_ids": 1, "sums": 1}
        await self._spend.update_one({"_id": NOTE, "number": batch.number}, {"$unset": done})

    async def _put(self, wanted: Document, change: Document) -> bool:
        """Change the document that is as `wanted`, or make it. False where there is one that is not."""
        try:
            await self._spend.update_one(wanted, change, upsert=True)
        except DuplicateKeyError:
            return False
        return True


def _sums(documents: Iterable[Document]) -> Iterable[Document]:
    sums: defaultdict[str, list[Usage]] = defaultdict(list)
    for document in documents:
        month = from_ms(document.get("ended_ms") or document["created_ms"]).strftime("%Y-%m")
        sums[f"{document['workspace_id']}/{month}"].append(decode_usage(document["usage"]))
    return [{"month": month, "usage": _total(usages)} for month, usages in sums.items()]


def _total(usages: Sequence[Usage]) -> dict[str, Any]:
    return {
        "input_tokens": sum(believable(usage.input_tokens) for usage in usages),
        "output_tokens": sum(believable(usage.output_tokens) for usage in usages),
        "cost_usd": sum(usage.cost_usd for usage in usages),
    }
