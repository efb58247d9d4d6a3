"""The services' databases, with the indexes that this version declares. Whoever imports this waits a second for it."""

import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from pymongo.errors import PyMongoError

import deploy_service.bootstrap
import gateway.bootstrap
import jobs_service.bootstrap
from flowport.failures import CommandFailed
from shared.settings import StoreSettings
from shared.store.client import Store
from shared.store.indexes import Index

INDEXES: Final[Mapping[str, Sequence[Index]]] = {
    "gateway": gateway.bootstrap.INDEXES,
    "deploy": deploy_service.bootstrap.INDEXES,
    "jobs": jobs_service.bootstrap.INDEXES,
}


@dataclass(frozen=True)
class ServiceDatabase:
    """Where one service keeps what it keeps."""

    name: str
    uri: str
    indexes: Sequence[Index]
    variable: str
    """What says where it is."""

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Store]:
        """The database, inside the block; nothing is made in it by that. Raises CommandFailed."""
        try:
            store = Store(self.uri, self.name, self.indexes)
        except (PyMongoError, ValueError, OSError) as error:
            raise CommandFailed(f"{self.variable} is no store's address: {error}") from error
        try:
            yield store
        finally:
            await store.stop()


def databases(settings: StoreSettings) -> Iterator[ServiceDatabase]:
    """All of them; a service whose user at the store is its own has a URI of its own."""
    for service, indexes in INDEXES.items():
        own = f"FLOWPORT_MONGODB_URI_{service.upper()}"
        uri = os.environ.get(own)
        variable = own if uri else "FLOWPORT_MONGODB_URI"
        yield ServiceDatabase(f"{settings.mongodb_prefix}_{service}", uri or settings.mongodb_uri, indexes, variable)
