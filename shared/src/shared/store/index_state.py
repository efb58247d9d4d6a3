"""Differences between a database's indexes and the declared ones."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from shared.store.client import Document
from shared.store.indexes import Index

Database = AsyncDatabase[Document]

_OF_EVERY_COLLECTION: Final = "_id_"
_NOT_FOUND: Final = frozenset({26, 27})  # NamespaceNotFound, IndexNotFound


class IndexName(NamedTuple):
    """An index of a database."""

    collection: str
    name: str

    def __str__(self) -> str:
        return f"{self.collection}.{self.name}"


class IndexState(NamedTuple):
    """Missing declared indexes, and undeclared indexes in collections that have declared ones."""

    missing: Sequence[IndexName]
    unknown: Sequence[IndexName]


async def index_state(database: Database, declared: Sequence[Index]) -> IndexState:
    """Return the differences. Raises PyMongoError."""
    wanted = {IndexName(index.collection, index.model().document["name"]) for index in declared}
    there = {
        IndexName(collection, index)
        for collection in {index.collection for index in declared} & set(await database.list_collection_names())
        for index in await database[collection].index_information()
        if index != _OF_EVERY_COLLECTION
    }
    return IndexState(sorted(wanted - there), sorted(there - wanted))


async def drop_indexes(database: Database, indexes: Iterable[IndexName]) -> None:
    """Drop indexes, without blocking; ignore missing ones. Raises PyMongoError."""
    for index in indexes:
        try:
            await database[index.collection].drop_index(index.name)
        except OperationFailure as error:
            if error.code not in _NOT_FOUND:
                raise
