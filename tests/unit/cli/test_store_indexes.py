"""`flowport indexes`: what is said where the store does not help."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

import pytest
from pymongo.errors import OperationFailure, PyMongoError, ServerSelectionTimeoutError

from flowport import store_indexes
from flowport.failures import CommandFailed
from shared.store.client import Store
from shared.store.indexes import Index


class Broken:
    """A service's database that gives an error."""

    name, variable = "flowport_jobs", "FLOWPORT_MONGODB_URI_JOBS"
    indexes: Sequence[Index] = ()

    def __init__(self, error: PyMongoError) -> None:
        self._error = error

    def opened(self) -> AbstractAsyncContextManager[Store]:
        raise self._error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ServerSelectionTimeoutError("db:27017: refused, Timeout: 30s, Topology: …"),
            "the store does not answer: db:27017: refused. FLOWPORT_MONGODB_URI_JOBS says where it is",
        ),
        (
            OperationFailure("not authorized"),
            "the store does not do this in flowport_jobs: not authorized",
        ),
    ],
)
def test_a_store_that_is_away_is_told_from_one_that_refuses(
    monkeypatch: pytest.MonkeyPatch, error: PyMongoError, said: str
) -> None:
    monkeypatch.setattr(store_indexes, "databases", lambda _settings: [Broken(error)])
    with pytest.raises(CommandFailed) as failed:
        store_indexes.look()
    assert str(failed.value) == said
