"""Leadership: leases by the store's time."""

from datetime import timedelta
from typing import Final

from pymongo.errors import DuplicateKeyError

from jobs_service.adapters.failures import store_call
from jobs_service.adapters.moments import NOW
from jobs_service.adapters.transactions import Session
from jobs_service.ports import Leadership, LeadershipLost
from shared.store.client import Store

LEASES: Final = "leases"


class MongoLeases:
    """Implements Leases."""

    def __init__(self, store: Store) -> None:
        self._leases = store.collection(LEASES)

    @store_call
    async def hold(self, leadership: Leadership, ttl: timedelta) -> bool:
        """See Leases."""
        is_over = {"$expr": {"$lte": ["$until_ms", NOW]}}
        free_or_mine = {"_id": leadership.name, "$or": [{"holder": leadership.holder}, is_over]}
        until = {"$add": [NOW, round(ttl.total_seconds() * 1000)]}
        renewal = [{"$set": {"holder": {"$literal": leadership.holder}, "until_ms": until}}]
        try:
            await self._leases.update_one(free_or_mine, renewal, upsert=True)
        except DuplicateKeyError:
            return False
        return True

    @store_call
    async def leave(self, leadership: Leadership) -> None:
        """See Leases."""
        await self._leases.delete_one({"_id": leadership.name, "holder": leadership.holder})


async def confirm(store: Store, leadership: Leadership, session: Session) -> None:
    """Write to the lease inside a transaction, so that it cannot commit once another leads. Raises LeadershipLost."""
    mine = {"_id": leadership.name, "holder": leadership.holder}
    confirmed = await store.collection(LEASES).update_one(mine, {"$inc": {"rounds": 1}}, session=session)
    if confirmed.matched_count == 0:
        raise LeadershipLost(leadership.name)
