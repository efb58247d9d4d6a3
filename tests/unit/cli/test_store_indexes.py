"""`flowport indexes`: errors of the store."""

import pytest
from pymongo.errors import OperationFailure, PyMongoError, ServerSelectionTimeoutError
from tests.support.broken_store import Broken

from flowport.admin import store_indexes
from flowport.errors import CommandFailed


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
