"""Stored times: whole milliseconds, which expressions of every server compare correctly."""

from datetime import UTC, datetime

from bson import Int64

from shared.clock import epoch_ms
from shared.store.client import Document, Store
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
