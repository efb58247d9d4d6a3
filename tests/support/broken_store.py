"""A store that raises an error."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from pymongo.errors import PyMongoError

from shared.store.client import Store
from shared.store.indexes import Index


class Broken:
    """A service database that raises an error."""

    name, variable = "flowport_jobs", "FLOWPORT_MONGODB_URI_JOBS"
    indexes: Sequence[Index] = ()

    def __init__(self, error: PyMongoError) -> None:
        self._error = error

    def open_store(self) -> AbstractAsyncContextManager[Store]:
        raise self._error
