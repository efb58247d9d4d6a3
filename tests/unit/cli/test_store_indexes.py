"""`flowport indexes`: errors of the store."""

from unittest.mock import AsyncMock

import pytest
from pymongo.errors import OperationFailure, PyMongoError, ServerSelectionTimeoutError

from flowport.admin import store_indexes
from flowport.errors import CommandFailed
from shared.settings import StoreSettings


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
async def test_unavailable_and_rejecting_stores_have_different_errors(
    monkeypatch: pytest.MonkeyPatch, error: PyMongoError, message: str
) -> None:
    monkeypatch.setenv("FLOWPORT_MONGODB_URI_JOBS", "mongodb://127.0.0.1:1")
    monkeypatch.setattr(store_indexes, "INDEXES", {"jobs": ()})
    monkeypatch.setattr(store_indexes, "index_state", AsyncMock(side_effect=error))
    with pytest.raises(CommandFailed) as failed:
        await store_indexes.check_indexes(StoreSettings())
    assert str(failed.value) == message
