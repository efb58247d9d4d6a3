"""Token buckets in the gateway's database: a take is one atomic update by the store's own clock.

Writes wait for no majority: a failover may lose a few takes, so that some tokens are granted twice.
"""

from typing import Any, Final

import pymongo
from pymongo import WriteConcern

from gateway.access.plans import Rate
from gateway.access.ports import ObservedWindow, Tokens
from shared.errors import Unavailable
from shared.store.client import Document, Store, store_call
from shared.store.find_and_modify import FindAndModify
from shared.store.indexes import Index, ascending
from shared.store.server_time import NOW_MS

BUCKETS: Final = "rate_buckets"
TIMEOUT_SECONDS: Final = 5.0
"""Short, because a call is served even if its rate limit cannot be checked."""
STORED_WINDOWS: Final = 10
GRANT: Final = ("granted", "tokens", "turned_ms", "now_ms")
"""Fields with the result of a take."""
PLENTY: Final = 8
"""A process takes spare tokens only up to this fraction of those left, so that none are stranded at the end."""

INDEXES: Final = (Index(BUCKETS, ascending("expires_at"), expire_after_seconds=0),)


class BucketStore:
    """Implements Buckets."""

    def __init__(self, store: Store) -> None:
        self._buckets = store.collection(BUCKETS).with_options(write_concern=WriteConcern(w=1))
        self._takes = FindAndModify(store, self._buckets, GRANT)

    @store_call
    async def take(
        self, bucket: str, rate: Rate, *, needed: int, spare: int, returned: int, observed: ObservedWindow | None
    ) -> Tokens:
        stages = [*_refill_stages(rate, observed), *_take_stages(rate, needed=needed, spare=spare, returned=returned)]
        with pymongo.timeout(TIMEOUT_SECONDS):
            granted = await self._takes.update(bucket, stages)
        if granted is None:
            raise Unavailable("the rate limit store returned no grant")
        return _grant(granted, rate)

    @store_call
    async def peek(self, bucket: str, rate: Rate, observed: ObservedWindow | None) -> Tokens:
        stages: list[Document] = [
            {"$match": {"_id": bucket}},
            *_refill_stages(rate, observed),
            {"$set": {"granted": 0}},
        ]
        with pymongo.timeout(TIMEOUT_SECONDS):
            found = await (await self._buckets.aggregate(stages)).to_list(1)
        return _grant(found[0], rate) if found else Tokens(0, rate.burst, rate.window_seconds, began_ms=0)


def _refill_stages(rate: Rate, observed: ObservedWindow | None) -> list[Document]:
    """Add the tokens of every window that has ended.

    After the store's clock was set back, `observed` gives the age of the window. Without it the window starts again:
    left as it is, it would refuse all callers until the clock has caught up.
    """
    latest: str | Document = "$now_ms"
    if observed is not None:
        aged = {"$subtract": ["$now_ms", int(observed.age_seconds * 1000)]}
        latest = {"$cond": [{"$eq": ["$turned_ms", observed.began_ms]}, aged, "$now_ms"]}
    window_ms = _milliseconds(rate)
    windows = {"$toLong": {"$floor": {"$divide": [{"$subtract": ["$now_ms", "$turned_ms"]}, window_ms]}}}
    filled = {"$add": ["$tokens", {"$multiply": ["$windows", rate.per_window]}]}
    return [
        {"$set": {"now_ms": NOW_MS, "tokens": {"$ifNull": ["$tokens", rate.burst]}}},
        {"$set": {"turned_ms": {"$min": [{"$ifNull": ["$turned_ms", "$now_ms"]}, latest]}}},
        {"$set": {"windows": windows}},
        {
            "$set": {
                "tokens": {"$min": [rate.burst, filled]},
                "turned_ms": {"$add": ["$turned_ms", {"$multiply": ["$windows", window_ms]}]},
            }
        },
    ]


def _take_stages(rate: Rate, *, needed: int, spare: int, returned: int) -> list[Document]:
    plenty = {"$toLong": {"$floor": {"$divide": ["$tokens", PLENTY]}}}
    return [
        {"$set": {"tokens": {"$min": [rate.burst, {"$add": ["$tokens", returned]}]}}},
        {"$set": {"granted": {"$min": ["$tokens", {"$add": [needed, {"$min": [spare, plenty]}]}]}}},
        {
            "$set": {
                "tokens": {"$subtract": ["$tokens", "$granted"]},
                "expires_at": {"$toDate": {"$add": ["$now_ms", STORED_WINDOWS * _milliseconds(rate)]}},
            }
        },
    ]


def _grant(document: Any, rate: Rate) -> Tokens:
    began_ms = int(document["turned_ms"])
    resets_ms = began_ms + _milliseconds(rate) - document["now_ms"]
    return Tokens(int(document["granted"]), int(document["tokens"]), resets_ms / 1000, began_ms)


def _milliseconds(rate: Rate) -> int:
    return round(rate.window_seconds * 1000)
