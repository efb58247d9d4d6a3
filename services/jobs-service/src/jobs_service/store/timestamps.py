"""Times as the store keeps them: whole milliseconds, which every expression of every server compares rightly."""

from datetime import UTC, datetime

from bson import Int64

from shared.clock import epoch_ms
from shared.store.client import Store
from shared.store.documents import Document
from shared.store.server_time import NOW_MS


async def now_ms(store: Store) -> int:
    """The server's own time."""
    pipeline: list[Document] = [{"$documents": [{}]}, {"$set": {"now_ms": NOW_MS}}]
    found = await (await store.database.aggregate(pipeline)).to_list()
    now: int = found[0]["now_ms"]
    return now


def to_ms(moment: datetime) -> Int64:
    """Milliseconds since the epoch."""
    return Int64(epoch_ms(moment))


def from_ms(milliseconds: int) -> datetime:
    """The moment, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
