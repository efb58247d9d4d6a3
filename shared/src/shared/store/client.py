"""One service's database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pymongo
from bson.codec_options import CodecOptions
from pymongo import ASCENDING, AsyncMongoClient, IndexModel, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from shared.errors import Unavailable
from shared.store.metrics import CommandTimes

Document = dict[str, Any]
Collection = AsyncCollection[Document]

DURABLE = WriteConcern(w="majority", j=True, wtimeout=10_000)
"""What is acknowledged survives the loss of any one node and of power."""
BUILD_SECONDS: Final = 6 * 3600.0
"""How long indexes may take to build. On a large collection that is hours, in which everybody goes on working."""
IDLE_MS: Final = 120_000
"""A connection that was idle for so long is not used again: servers and firewalls cut them, SecantusDB after 300 s."""


@dataclass(frozen=True)
class Index:
    """An index that a service declares in code, beside the queries that need it."""

    collection: str
    keys: tuple[tuple[str, int], ...]
    unique: bool = False
    expire_after_seconds: int | None = None
    sparse: bool = False
    """Leaves out documents without the field: for fields that few documents have."""
    partial: Mapping[str, Any] | None = None
    name: str = field(default="")

    def model(self) -> IndexModel:
        """As the driver takes it."""
        options: dict[str, Any] = {"unique": self.unique} if self.unique else {}
        if self.expire_after_seconds is not None:
            options["expireAfterSeconds"] = self.expire_after_seconds
        if self.sparse:
            options["sparse"] = True
        if self.partial is not None:
            options["partialFilterExpression"] = dict(self.partial)
        if self.name:
            options["name"] = self.name
        return IndexModel(list(self.keys), **options)


def by(*fields: str) -> tuple[tuple[str, int], ...]:
    """Ascending keys of an index."""
    return tuple((name, ASCENDING) for name in fields)


class Store:
    """The database of one service, opened by `start`.

    Every operation has a time limit; dates come back aware, in UTC.
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
        self.database: AsyncDatabase[Document] = self._client.get_database(
            database, write_concern=DURABLE, codec_options=CodecOptions(tz_aware=True)
        )

    def collection(self, name: str) -> Collection:
        """A collection, with durable writes."""
        return self.database[name]

    async def start(self) -> None:
        """Create the declared indexes. Raises Unavailable."""
        await self.ping()
        try:
            with pymongo.timeout(BUILD_SECONDS):
                await self._build_indexes()
        except PyMongoError as error:
            raise Unavailable(f"the store has not made its indexes: {error}") from error

    async def stop(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def ping(self) -> None:
        """Raises Unavailable unless the store answers."""
        try:
            await self.database.command("ping")
        except PyMongoError as error:
            raise Unavailable(f"the store does not answer: {error}") from error

    async def _build_indexes(self) -> None:
        for name in dict.fromkeys(index.collection for index in self._indexes):
            models = [index.model() for index in self._indexes if index.collection == name]
            await self.collection(name).create_indexes(models)
