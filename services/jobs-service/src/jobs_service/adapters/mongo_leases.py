"""Leadership: leases by the store's time."""

from datetime import timedelta
from typing import Final

from pymongo.errors import DuplicateKeyError

from jobs_service.ports import Leadership
from shared.store.client import Store
from shared.store.documents import Document
from shared.store.errors import store_call
from shared.store.server_time import NOW_MS, from_now

LEASES: Final = "leases"
FARTHEST: Final = 10
"""So many times as long as a lease is given for: no lease ends later, unless the store's clock has gone back since."""

_FREE: Final[Document] = {"holder": "", "until_ms": 0}


class MongoLeases:
    """Implements Leases."""

    def __init__(self, store: Store) -> None:
        self._leases = store.collection(LEASES)

    @store_call
    async def hold(self, leadership: Leadership, ttl: timedelta) -> int | None:
        """See Leases."""
        me = {"$literal": leadership.holder}
        is_over = {"$or": [{"$lte": ["$until_ms", NOW_MS]}, {"$gt": ["$until_ms", from_now(FARTHEST * ttl)]}]}
        free_or_mine = {"_id": leadership.name, "$or": [{"holder": leadership.holder}, {"$expr": is_over}]}
        goes_on = {"$and": [{"$eq": ["$holder", me]}, {"$not": [is_over]}]}
        next_term = {"$add": [{"$ifNull": ["$term", 0]}, 1]}
        renewal = {
            "term": {"$cond": [goes_on, "$term", next_term]},
            "holder": me,
            "until_ms": from_now(ttl),
        }
        taken = await self._leases.update_one(free_or_mine, [{"$set": renewal}])
        if taken.matched_count == 0 and await self._is_new(leadership.name):
            await self._leases.update_one(free_or_mine, [{"$set": renewal}])
        held = await self._leases.find_one({"_id": leadership.name, "holder": leadership.holder})
        return held["term"] if held else None

    @store_call
    async def leave(self, leadership: Leadership) -> None:
        """See Leases."""
        mine = {"_id": leadership.name, "holder": leadership.holder}
        await self._leases.update_one(mine, {"$set": _FREE})

    async def _is_new(self, name: str) -> bool:
        """Whether there was no lease yet: now there is one, for anybody. (MongoDB takes no `$expr` in an upsert.)"""
        try:
            await self._leases.insert_one({"_id": name, **_FREE})
        except DuplicateKeyError:
            return False
        return True
