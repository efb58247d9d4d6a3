"""Token buckets in the gateway's database: a take is one atomic update by the store's own clock.

They are written without waiting for a majority: what a failover forgets is a few tokens, given twice.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pymongo
from pymongo import ReturnDocument, WriteConcern
from pymongo.errors import PyMongoError

from gateway.domain.rate_limits import Rate
from gateway.ports import Tokens
from shared.errors import Unavailable
from shared.store.client import Document, Index, Store, by

BUCKETS: Final = "rate_buckets"
SECONDS: Final = 0.5
"""How long a bucket is waited for: a call is worth more than its limit."""
KEPT_WINDOWS: Final = 10
PLENTY: Final = 8
"""A process takes tokens to spare only up to this fraction of what is left, so that none is stranded at the end."""

INDEXES: Final = (Index(BUCKETS, by("expires_at"), expire_after_seconds=0),)
_NOW_MS: Final[Document] = {"$toLong": "$$NOW"}


class BucketStore:
    """Implements Buckets."""

    def __init__(self, store: Store) -> None:
        self._buckets = store.collection(BUCKETS).with_options(write_concern=WriteConcern(w=1))

    async def take(self, bucket: str, rate: Rate, *, needed: int, spare: int, returned: int) -> Tokens:
        """See Buckets."""
        with _store_errors():
            document = await self._buckets.find_one_and_update(
                {"_id": bucket},
                [*_turned(rate), *_taken(rate, needed=needed, spare=spare, returned=returned)],
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        return _grant(document, rate)

    async def look(self, bucket: str, rate: Rate) -> Tokens:
        """See Buckets."""
        stages: list[Document] = [{"$match": {"_id": bucket}}, *_turned(rate), {"$set": {"granted": 0}}]
        with _store_errors():
            found = await (await self._buckets.aggregate(stages)).to_list(1)
        return _grant(found[0], rate) if found else Tokens(0, rate.burst, rate.window_seconds)


def _turned(rate: Rate) -> list[Document]:
    """Fill the bucket up for every window that has passed since it was last filled up."""
    window_ms = _milliseconds(rate)
    windows = {"$toLong": {"$floor": {"$divide": [{"$subtract": ["$now_ms", "$turned_ms"]}, window_ms]}}}
    filled = {"$add": ["$tokens", {"$multiply": ["$windows", rate.per_window]}]}
    return [
        {"$set": {"now_ms": _NOW_MS, "tokens": {"$ifNull": ["$tokens", rate.burst]}}},
        {"$set": {"turned_ms": {"$ifNull": ["$turned_ms", "$now_ms"]}}},
        {"$set": {"windows": windows}},
        {
            "$set": {
                "tokens": {"$min": [rate.burst, filled]},
                "turned_ms": {"$add": ["$turned_ms", {"$multiply": ["$windows", window_ms]}]},
            }
        },
    ]


def _taken(rate: Rate, *, needed: int, spare: int, returned: int) -> list[Document]:
    plenty = {"$toLong": {"$floor": {"$divide": ["$tokens", PLENTY]}}}
    return [
        {"$set": {"tokens": {"$min": [rate.burst, {"$add": ["$tokens", returned]}]}}},
        {"$set": {"granted": {"$min": ["$tokens", {"$add": [needed, {"$min": [spare, plenty]}]}]}}},
        {
            "$set": {
                "tokens": {"$subtract": ["$tokens", "$granted"]},
                "expires_at": {"$toDate": {"$add": ["$now_ms", KEPT_WINDOWS * _milliseconds(rate)]}},
            }
        },
    ]


def _grant(document: Any, rate: Rate) -> Tokens:
    resets_ms = document["turned_ms"] + _milliseconds(rate) - document["now_ms"]
    return Tokens(int(document["granted"]), int(document["tokens"]), resets_ms / 1000)


def _milliseconds(rate: Rate) -> int:
    return round(rate.window_seconds * 1000)


@contextmanager
def _store_errors() -> Iterator[None]:
    try:
        with pymongo.timeout(SECONDS):
            yield
    except PyMongoError as error:
        raise Unavailable("The store of the rate limits does not answer") from error
