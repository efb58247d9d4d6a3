"""Leadership in MongoDB: leases by the store's time and by observed renewals."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from pymongo.errors import DuplicateKeyError

from jobs_service.leadership.ports import Leadership
from shared.clock import Clock
from shared.store.client import Document, Store, store_call
from shared.store.server_time import NOW_MS, server_time_after

LEASES: Final = "leases"

_FREE: Final[Document] = {"holder": "", "until_ms": 0}


@dataclass(frozen=True, slots=True)
class _ObservedLease:
    """Another holder's lease, and since when it was not renewed, by the monotonic clock."""

    lease: Document
    since: float


class MongoLeases:
    """Implements LeaseRepository.

    A lease expires when the store's clock has passed its end, or when this process has watched for the lease's duration
    without a renewal. So leadership does not stay vacant when the store's clock is set back.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._leases = store.collection(LEASES)
        self._clock = clock
        self._observed: dict[str, _ObservedLease] = {}

    @store_call
    async def hold(self, leadership: Leadership, ttl: timedelta) -> int | None:
        holder = {"$literal": leadership.holder}
        is_over = {"$lte": ["$until_ms", NOW_MS]}
        free = [{"holder": leadership.holder}, {"$expr": is_over}, *self._unrenewed(leadership, ttl)]
        free_or_own = {"_id": leadership.name, "$or": free}
        continues = {"$and": [{"$eq": ["$holder", holder]}, {"$not": [is_over]}]}
        next_term = {"$add": [{"$ifNull": ["$term", 0]}, 1]}
        renewal = {
            "term": {"$cond": [continues, "$term", next_term]},
            "holder": holder,
            "until_ms": server_time_after(ttl),
        }
        taken = await self._leases.update_one(free_or_own, [{"$set": renewal}])
        if taken.matched_count == 0 and await self._create(leadership.name):
            await self._leases.update_one(free_or_own, [{"$set": renewal}])
        held = await self._leases.find_one({"_id": leadership.name})
        if held is None:
            return None
        if held["holder"] != leadership.holder:
            self._observe(leadership, held)
            return None
        self._observed.pop(leadership.name, None)
        term: int = held["term"]
        return term

    @store_call
    async def release(self, leadership: Leadership) -> None:
        own = {"_id": leadership.name, "holder": leadership.holder}
        await self._leases.update_one(own, {"$set": _FREE})

    def _unrenewed(self, leadership: Leadership, ttl: timedelta) -> list[Document]:
        """Return the lease whose holder was silent for `ttl`, as a condition that a renewal no longer meets."""
        seen = self._observed.get(leadership.name)
        if seen is None or self._clock.monotonic() - seen.since < ttl.total_seconds():
            return []
        return [seen.lease]

    def _observe(self, leadership: Leadership, held: Document) -> None:
        """Watch another holder's lease, from now on where it has changed."""
        lease = {name: held.get(name) for name in ("holder", "term", "until_ms")}
        seen = self._observed.get(leadership.name)
        if seen is None or seen.lease != lease:
            self._observed[leadership.name] = _ObservedLease(lease, self._clock.monotonic())

    async def _create(self, name: str) -> bool:
        """Create the lease if missing, open to any holder. (MongoDB takes no `$expr` in an upsert.)"""
        try:
            await self._leases.insert_one({"_id": name, **_FREE})
        except DuplicateKeyError:
            return False
        return True
