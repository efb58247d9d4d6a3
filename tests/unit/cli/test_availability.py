"""`--wait` of admin commands: they start before the server that they need."""

from collections.abc import Callable, Coroutine
from typing import Any
from unittest.mock import AsyncMock

import pytest
from pymongo.errors import OperationFailure, PyMongoError, ServerSelectionTimeoutError
from typer.testing import CliRunner

from flowport.admin import StoreUnavailable, broker_topology, run_when_available, store_indexes
from flowport.errors import CommandFailed
from flowport.main import app
from shared.broker.ports import BrokerUnavailable
from shared.settings import CommonSettings
from shared.store.client import Store
from shared.store.index_state import IndexState

MANAGEMENT_URL = "http://operator:secret@127.0.0.1:1"


@pytest.fixture(autouse=True)
def _short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowport.admin.PAUSE_SECONDS", 0.01)


def failing(times: int, error: Exception) -> Callable[[], Coroutine[Any, Any, str]]:
    left = times

    async def work() -> str:
        nonlocal left
        left -= 1
        if left >= 0:
            raise error
        return "done"

    return work


@pytest.mark.parametrize("error", [BrokerUnavailable("no broker"), StoreUnavailable("no store")])
def test_work_is_repeated_until_its_server_is_available(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_when_available(failing(3, error), seconds=60) == "done"
    assert capsys.readouterr().err == f"Waiting: {error}\n"


def test_without_time_the_first_error_is_the_last() -> None:
    with pytest.raises(BrokerUnavailable):
        run_when_available(failing(1, BrokerUnavailable("no broker")), seconds=0)


def test_a_permanent_error_is_raised_immediately() -> None:
    with pytest.raises(CommandFailed, match="rejected"):
        run_when_available(failing(1, CommandFailed("the store rejected the request")), seconds=60)


def test_topology_apply_waits_for_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    work = failing(2, BrokerUnavailable("the broker's management API does not respond"))

    async def apply(url: str, settings: CommonSettings) -> list[dict[str, str]]:
        return [{"what": await work(), "name": "runs.async"}]

    monkeypatch.setattr(broker_topology, "apply_topology", apply)
    applied = CliRunner().invoke(app, ["topology", "apply", MANAGEMENT_URL, "--wait", "60"])
    assert applied.exit_code == 0, applied.output
    assert "runs.async" in applied.output


@pytest.mark.parametrize(
    "error", [ServerSelectionTimeoutError("refused"), OperationFailure("Authentication failed.", code=18)]
)
def test_indexes_apply_waits_for_the_store_and_its_users(monkeypatch: pytest.MonkeyPatch, error: PyMongoError) -> None:
    works = failing(1, error)

    async def state(*_: object) -> IndexState:
        await works()
        return IndexState((), ())

    monkeypatch.setattr(store_indexes, "index_state", state)
    monkeypatch.setattr(store_indexes, "INDEXES", {"jobs": ()})
    monkeypatch.setattr(Store, "start", AsyncMock())
    applied = CliRunner().invoke(app, ["indexes", "apply", "--wait", "60"])
    assert applied.exit_code == 0, applied.output
