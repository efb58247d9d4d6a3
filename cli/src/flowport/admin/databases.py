"""The services' databases and the indexes that this version declares. Importing this module takes about a second."""

import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from pymongo.errors import PyMongoError

import deploy_service.bootstrap
import gateway.outside
import jobs_service.bootstrap
from flowport.errors import CommandFailed
from shared.settings import StoreSettings
from shared.store.client import Store
from shared.store.indexes import Index

INDEXES: Final[Mapping[str, Sequence[Index]]] = {
    "gateway": gateway.outside.INDEXES,
    "deploy": deploy_service.bootstrap.INDEXES,
    "jobs": jobs_service.bootstrap.INDEXES,
}


@dataclass(frozen=True)
class ServiceDatabase:
    """Database of one service."""

    name: str
    uri: str
    indexes: Sequence[Index]
    variable: str
    """The setting that holds `uri`."""

    @asynccontextmanager
    async def open_store(self) -> AsyncIterator[Store]:
        """Open the database without creating anything in it. Raises CommandFailed for an invalid URI."""
        try:
            store = Store(self.uri, self.name, self.indexes)
        except (PyMongoError, ValueError, OSError) as error:
            raise CommandFailed(f"{self.variable} is not a valid MongoDB URI: {error}") from error
        try:
            yield store
        finally:
            await store.stop()


def list_databases(settings: StoreSettings) -> Iterator[ServiceDatabase]:
    """Yield the database of each service. FLOWPORT_MONGODB_URI_<SERVICE> overrides the URI for one service."""
    for service, indexes in INDEXES.items():
        own = f"FLOWPORT_MONGODB_URI_{service.upper()}"
        uri = os.environ.get(own)
        variable = own if uri else "FLOWPORT_MONGODB_URI"
        yield ServiceDatabase(f"{settings.mongodb_prefix}_{service}", uri or settings.mongodb_uri, indexes, variable)
