"""Spend per workspace and month. A run is booked in the transaction that takes its mark away, hence exactly once."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Final

from pymongo import UpdateOne

from jobs_service.adapters.failures import store_call
from jobs_service.adapters.moments import from_ms
from jobs_service.adapters.run_documents import RUNS, decode_usage
from jobs_service.adapters.transactions import Session, transact
from shared.contracts.runs import Usage
from shared.store.client import Document, Store

SPEND: Final = "spend"
_FIELDS: Final = dict.fromkeys(("workspace_id", "usage", "ended_ms", "created_ms"), 1)


class MongoSpendBook:
    """Implements SpendBook."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._runs = store.collection(RUNS)
        self._spend = store.collection(SPEND)

    @store_call
    async def collect(self, limit: int) -> int:
        """See SpendBook."""
        return await transact(self._store, partial(self._collect, limit))

    @store_call
    async def of_month(self, workspace_id: str, month: str) -> Usage:
        """See SpendBook."""
        found = await self._spend.find_one({"_id": f"{workspace_id}/{month}"})
        if found is None:
            return Usage()
        return Usage(found["input_tokens"], found["output_tokens"], found["cost_usd"])

    async def _collect(self, limit: int, session: Session) -> int:
        found = await self._runs.find({"uncharged": True}, _FIELDS, session=session).limit(limit).to_list()
        if found:
            ids = [document["_id"] for document in found]
            await self._runs.update_many({"_id": {"$in": ids}}, {"$unset": {"uncharged": 1}}, session=session)
            await self._spend.bulk_write(_bookings(found), ordered=False, session=session)
        return len(found)


def _bookings(documents: Sequence[Document]) -> list[UpdateOne]:
    sums: defaultdict[str, Usage] = defaultdict(Usage)
    for document in documents:
        month = from_ms(document.get("ended_ms") or document["created_ms"]).strftime("%Y-%m")
        key = f"{document['workspace_id']}/{month}"
        sums[key] = _sum(sums[key], decode_usage(document["usage"]))
    return [UpdateOne({"_id": key}, {"$inc": _totals(usage)}, upsert=True) for key, usage in sums.items()]


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.input_tokens + other.input_tokens,
        one.output_tokens + other.output_tokens,
        one.cost_usd + other.cost_usd,
    )


def _totals(usage: Usage) -> Document:
    return {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens, "cost_usd": usage.cost_usd}
