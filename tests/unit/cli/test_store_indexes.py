"""`flowport indexes`: errors of the store."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

import pytest
from pymongo.errors import OperationFailure, PyMongoError, ServerSelectionTimeoutError

from flowport.admin import store_indexes
from flowport.errors import CommandFailed
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


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            ServerSelectionTimeoutError("db:27017: refused, Timeout: 30s, Topology: …"),
            "the store is unavailable: db:27017: refused. Check FLOWPORT_MONGODB_URI_JOBS",
        ),
        (
            OperationFailure("not authorized"),
            "the store rejected the request for flowport_jobs: not authorized",
        ),
    ],
)
def test_unavailable_and_rejecting_stores_have_different_errors(
    monkeypatch: pytest.MonkeyPatch, error: PyMongoError, message: str
) -> None:
    monkeypatch.setattr(store_indexes, "list_databases", lambda _settings: [Broken(error)])
    with pytest.raises(CommandFailed) as failed:
        store_indexes.check_indexes()
    assert str(failed.value) == message
