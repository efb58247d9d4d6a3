"""One service's database: its documents and indexes, and calls that translate the driver's errors."""

from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from functools import wraps
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

import msgspec
import pymongo
from bson.codec_options import CodecOptions
from pymongo import ASCENDING, AsyncMongoClient, IndexModel, ReadPreference, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from shared.clock import whole_ms
from shared.errors import Unavailable
from shared.observe.logging import get_logger
from shared.store.expiry import Expiry, Lifetime
from shared.store.metrics import FAILURES, CommandTimes
from shared.store.products import Product, product_of

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Document = dict[str, Any]
Collection = AsyncCollection[Document]
P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)

EXPIRES: Final = "expireAfterSeconds"
"""Index option that expires documents."""
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
NOW_MS: Final[dict[str, Any]] = {"$toLong": "$$NOW"}
"""Milliseconds since the epoch, in an expression."""

log = get_logger("store")


@dataclass(frozen=True)
class Index:
    """An index that a service declares next to its queries."""

    collection: str
    keys: tuple[tuple[str, int], ...]
    unique: bool = False
    expire_after_seconds: int | None = None
    sparse: bool = False
    """Omits documents without the field: for rare fields."""
    partial: Mapping[str, Any] | None = None
    name: str = field(default="")

    @property
    def lifetime(self) -> Lifetime | None:
        """Return the document lifetime that this index defines, if any."""
        if self.expire_after_seconds is None:
            return None
        return Lifetime(self.collection, self.keys[0][0], self.expire_after_seconds)

    def model(self, *, expires: bool = True) -> IndexModel:
        """Return the driver's index model, with expiry only if it `expires` documents."""
        options: dict[str, Any] = {"unique": self.unique} if self.unique else {}
        if self.expire_after_seconds is not None and expires:
            options[EXPIRES] = self.expire_after_seconds
        if self.sparse:
            options["sparse"] = True
        if self.partial is not None:
            options["partialFilterExpression"] = dict(self.partial)
        if self.name:
            options["name"] = self.name
        return IndexModel(list(self.keys), **options)


def ascending(*fields: str) -> tuple[tuple[str, int], ...]:
    """Return ascending index keys."""
    return tuple((name, ASCENDING) for name in fields)


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
                if not expires:
                    await self._drop_ttl_indexes(lifetimes)
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
            raise Unavailable(f"the store does not answer: {error}") from error

    @property
    def is_mongodb(self) -> bool:
        """Return whether the server is known to be MongoDB, and needs no workarounds for SecantusDB."""
        return self.product is not None and not self.product.is_secantusdb

    async def _build_indexes(self, *, expires: bool) -> None:
        for name in dict.fromkeys(index.collection for index in self._indexes):
            models = [index.model(expires=expires) for index in self._indexes if index.collection == name]
            await self.collection(name).create_indexes(models)

    async def _drop_ttl_indexes(self, lifetimes: Sequence[Lifetime]) -> None:
        """Drop SecantusDB's own expiry, which earlier versions used."""
        for name in {lifetime.collection for lifetime in lifetimes}:
            for index, known in (await self.collection(name).index_information()).items():
                if EXPIRES in known:
                    await self.collection(name).drop_index(index)


def document_of(value: msgspec.Struct, *, key: str = "id") -> Document:
    """Return a struct as a document whose `_id` is the field `key`."""
    stored: Document = msgspec.structs.asdict(value)
    return {"_id": stored.pop(key), **stored}


def struct_of(document: Document, kind: type[S], *, key: str = "id") -> S:
    """Return the struct of a document whose `_id` is the field `key`."""
    return msgspec.convert({**document, key: document["_id"]}, kind)


def known_fields(document: Document, kind: "type[DataclassInstance]") -> Document:
    """Return the fields of `document` that this version's `kind` knows: newer versions may have written more."""
    return {each.name: document[each.name] for each in fields(kind) if each.name in document}


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
            raise Unavailable("the store does not answer") from error

    return call


def add_server_time(*, blank: Iterable[str] = ()) -> dict[str, Any]:
    """Return a stage that adds the time to each document, as `now_ms`; fields in `blank` become null.

    One stage for both products: SecantusDB copies whole documents, value by value, for each `$set` and `$project`.
    """
    return {"$replaceWith": {"$mergeObjects": ["$$ROOT", {**dict.fromkeys(blank), "now_ms": NOW_MS}]}}


def server_time_after(wait: timedelta) -> dict[str, Any]:
    """Return an expression for the time `wait` from now."""
    return {"$add": [NOW_MS, whole_ms(wait)]}
