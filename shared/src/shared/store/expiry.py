"""Expiry of documents where the store's own is too slow.

SecantusDB reads every document of each collection that has a TTL index, once a minute, blocking all other calls: 1.9
seconds for 75,000 runs. Here an ordinary index finds them, in time slices with a few documents each, and other calls
run between.
"""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import pymongo
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from shared.clock import Clock, SystemClock
from shared.observe.logging import get_logger
from shared.tasks import cancel_task, run_periodically

EVERY_SECONDS: Final = 60.0
BATCH_SIZE: Final = 20
SHORTEST: Final = timedelta(milliseconds=50)
LONGEST: Final = timedelta(seconds=10)
SWEEP_TIMEOUT_SECONDS: Final = 60.0
"""Generous, since the first query finds all documents that expired while no sweep ran, at 40 microseconds each."""

log = get_logger("expiry")


class Lifetime(NamedTuple):
    """Documents of `collection` expire `seconds` after the date in `field`; `field` begins an index."""

    collection: str
    field: str
    seconds: int


class Expiry:
    """Sweeps one database periodically. Several instances may sweep the same."""

    def __init__(
        self,
        database: AsyncDatabase[dict[str, Any]],
        lifetimes: Iterable[Lifetime],
        *,
        every: float = EVERY_SECONDS,
        clock: Clock | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self._sweeps = [_Sweep(database[lifetime.collection], lifetime, clock) for lifetime in lifetimes]
        self._every = every
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start sweeping."""
        self._task = asyncio.create_task(run_periodically(self._sweep, every=self._every, name="expiry"))

    async def stop(self) -> None:
        """Stop immediately, even within a sweep."""
        await cancel_task(self._task)

    async def _sweep(self) -> None:
        for sweep in self._sweeps:
            try:
                await sweep.advance()
            except PyMongoError as error:
                log.warning("expired_documents_not_deleted", error=repr(error))


@dataclass(slots=True)
class _Sweep:
    """Progress of one collection's sweep. Slices are sized to hold a few documents."""

    collection: AsyncCollection[dict[str, Any]]
    lifetime: Lifetime
    clock: Clock
    until: datetime | None = None
    slice: timedelta = LONGEST

    async def advance(self) -> None:
        """Delete documents that expired since the last sweep. Raises PyMongoError."""
        due = self.clock.now() - timedelta(seconds=self.lifetime.seconds)
        self.until = min(self.until or due, due)  # correct a position from a clock that was ahead
        # Late documents are older than all slices; for the first sweep, all are.
        await self._delete({"$lt": self.until})
        while self.until < due:
            until = min(due, self.until + self.slice)
            found = await self._delete({"$gte": self.until, "$lt": until})
            self.until = until
            self.slice = _next_slice(self.slice, found)

    async def _delete(self, dates: dict[str, Any]) -> int:
        expired = {self.lifetime.field: dates}
        with pymongo.timeout(SWEEP_TIMEOUT_SECONDS):
            found = [each["_id"] for each in await self.collection.find(expired, {"_id": 1}).to_list()]
        for first in range(0, len(found), BATCH_SIZE):
            began = time.monotonic()
            await self.collection.delete_many({"_id": {"$in": found[first : first + BATCH_SIZE]}, **expired})
            await asyncio.sleep(time.monotonic() - began)
        return len(found)


def _next_slice(length: timedelta, found: int) -> timedelta:
    if found > 2 * BATCH_SIZE:
        return max(SHORTEST, length / 2)
    return min(LONGEST, length * 2) if found < BATCH_SIZE else length
