"""One service's database, and calls that translate the driver's errors."""

from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from functools import wraps
from math import inf
from time import monotonic
from typing import Any, Final, ParamSpec, TypeVar

import pymongo
from bson.codec_options import CodecOptions
from pymongo import AsyncMongoClient, ReadPreference, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from shared.errors import Unavailable
from shared.observe.logging import get_logger
from shared.store.expiry import Expiry
from shared.store.indexes import Index
from shared.store.metrics import FAILURES, CommandTimes
from shared.store.products import Product, product_of

Document = dict[str, Any]
Collection = AsyncCollection[Document]
P = ParamSpec("P")
T = TypeVar("T")

DURABLE = WriteConcern(w="majority", j=True, wtimeout=10_000)
"""Acknowledged writes survive the loss of any one node and of power."""
QUICK = WriteConcern(w=1, j=False)
"""Acknowledged writes survive the end of the process that wrote them, but not that of the store."""
BUILD_SECONDS: Final = 6 * 3600.0
"""How long indexes may take to build: on a large collection hours, during which the store stays usable."""
PING_SECONDS: Final = 4.0
"""Shorter than the limit of a `/readyz` check: one that is cancelled could not report the reason."""
IDLE_MS: Final = 120_000
"""Maximum idle time of a connection: common firewalls cut it after 240 s, SecantusDB after 300 s."""
LOG_SECONDS: Final = 10.0

log = get_logger("store")


class Store:
    """The database of one service, opened by `start`.

    Every operation has a time limit; dates are timezone-aware, in UTC. Reads go to the primary and see earlier writes,
    whatever read preference the `uri` sets.
    """

    def __init__(self, uri: str, database: str, indexes: Sequence[Index] = (), *, timeout_ms: int = 10_000) -> None:
        self._client: AsyncMongoClient[Document] = AsyncMongoClient(
            uri,
            appname=f"flowport-{database}",
            serverSelectionTimeoutMS=5_000,
            connectTimeoutMS=5_000,
            timeoutMS=timeout_ms,
            maxPoolSize=50,
            maxIdleTimeMS=IDLE_MS,
            tz_aware=True,
            event_listeners=[CommandTimes()],
        )
        self._indexes = indexes
        self._expiry: Expiry | None = None
        self.product: Product | None = None
        """The server's product, None until `start`, and until then treated as if both were possible."""
        self.database: AsyncDatabase[Document] = self._client.get_database(
            database,
            write_concern=DURABLE,
            read_preference=ReadPreference.PRIMARY,
            read_concern=ReadConcern(),
            codec_options=CodecOptions(tz_aware=True),
        )

    def collection(self, name: str) -> Collection:
        """Return a collection with durable writes."""
        return self.database[name]

    def quick_collection(self, name: str) -> Collection:
        """Return a collection for numbers that may be incomplete: a crash or a failover may lose its latest writes.

        On SecantusDB a durable update costs three times the processor time, and waits for the disk.
        """
        return self.collection(name).with_options(write_concern=QUICK)

    async def start(self) -> None:
        """Create the declared indexes and start expiry. Raises Unavailable."""
        await self.ping()
        lifetimes = [lifetime for index in self._indexes if (lifetime := index.lifetime)]
        try:
            self.product = product_of(await self.database.command("buildInfo"))
            expires = not self.product.is_secantusdb  # see shared.store.expiry
            with pymongo.timeout(BUILD_SECONDS):
                await self._build_indexes(expires=expires)
        except PyMongoError as error:
            raise Unavailable(f"the store could not create its indexes: {error}") from error
        if not expires:
            self._expiry = Expiry(self.database, lifetimes)
            self._expiry.start()

    async def stop(self) -> None:
        """Close the connections."""
        if self._expiry is not None:
            await self._expiry.stop()
        await self._client.close()

    async def ping(self) -> None:
        """Raise Unavailable unless the store can be read.

        A read, since SecantusDB answers the command `ping` even when a full disk has stopped it. MongoDB answers a read
        by `_id` as fast.
        """
        try:
            with pymongo.timeout(PING_SECONDS):
                await self.collection("nothing").find_one({"_id": ""})
        except PyMongoError as error:
            FAILURES.inc()
            raise Unavailable(f"the store does not respond: {error}") from error

    @property
    def is_mongodb(self) -> bool:
        """Return whether the server is known to be MongoDB, and needs no workarounds for SecantusDB."""
        return self.product is not None and not self.product.is_secantusdb

    async def _build_indexes(self, *, expires: bool) -> None:
        for name in dict.fromkeys(index.collection for index in self._indexes):
            models = [index.model(expires=expires) for index in self._indexes if index.collection == name]
            await self.collection(name).create_indexes(models)


class _ErrorLog:
    """Rate limit for one call's error logs: the first of each kind immediately, then one in ten seconds."""

    def __init__(self, call: str) -> None:
        self._call = call
        self._logged_at: dict[type[PyMongoError], float] = {}
        self._suppressed: Counter[type[PyMongoError]] = Counter()

    def log_error(self, error: PyMongoError) -> None:
        kind, now = type(error), monotonic()
        silence = now - self._logged_at.get(kind, -inf)
        if silence < LOG_SECONDS:
            self._suppressed[kind] += 1
            return
        suppressed = self._suppressed.pop(kind, 0)
        since = {"suppressed": suppressed, "since_seconds": round(silence)} if suppressed else {}
        log.error("store_call_failed", call=self._call, error=repr(error), **since)
        self._logged_at[kind] = now


def store_call(method: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Wrap `method` to raise Unavailable on driver errors. The write may or may not have been applied.

    Only the log has the driver's error. Methods handle a DuplicateKeyError that has a meaning; any other is a race
    between two writers, and a retry helps.
    """

    error_log = _ErrorLog(method.__qualname__)

    @wraps(method)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await method(*args, **kwargs)
        except PyMongoError as error:
            FAILURES.inc()
            error_log.log_error(error)
            raise Unavailable("the store does not respond") from error

    return call
