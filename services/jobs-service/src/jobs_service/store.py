"""Helpers for documents: timestamps, inserts, the store's clock."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from bson import Int64
from pymongo.errors import BulkWriteError

from shared.clock import epoch_ms
from shared.store.client import Collection, Document, Store
from shared.store.server_time import NOW_MS


async def now_ms(store: Store) -> int:
    """Return the server's time."""
    pipeline: list[Document] = [{"$documents": [{}]}, {"$set": {"now_ms": NOW_MS}}]
    found = await (await store.database.aggregate(pipeline)).to_list()
    now: int = found[0]["now_ms"]
    return now


def to_ms(moment: datetime) -> Int64:
    """Return milliseconds since the epoch."""
    return Int64(epoch_ms(moment))


def from_ms(milliseconds: int) -> datetime:
    """Return the time in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


DUPLICATE: Final = 11000


async def insert_new(collection: Collection, documents: Sequence[Document]) -> set[Any]:
    """Store new documents; return the ids of existing ones. Raises BulkWriteError on any other failure."""
    if not documents:
        return set()
    try:
        await collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        failures = error.details["writeErrors"]
        may_vanish = bool(error.details["writeConcernErrors"])  # not replicated to a majority
        if may_vanish or any(failure["code"] != DUPLICATE for failure in failures):
            raise
        return {failure["op"]["_id"] for failure in failures}
    return set()
