"""Errors of a store's adapters when the driver fails."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from prometheus_client import REGISTRY
from pymongo.errors import AutoReconnect, DuplicateKeyError, PyMongoError, ServerSelectionTimeoutError

from shared.errors import NotFound, Unavailable
from shared.store import client
from shared.store.client import store_call


@store_call
async def ends_with(outcome: Exception | str) -> str:
    """Return or raise the outcome, like a store call."""
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


@pytest.mark.parametrize("error", [AutoReconnect("10.0.0.7:27017: connection closed"), DuplicateKeyError("E11000")])
async def test_driver_errors_become_ours_without_the_drivers_text(error: PyMongoError) -> None:
    with pytest.raises(Unavailable, match=r"^the store does not respond$") as raised:
        await ends_with(error)
    assert raised.value.__cause__ is error


async def test_everything_else_passes() -> None:
    assert await ends_with("an answer") == "an answer"
    with pytest.raises(NotFound, match="nothing here"):
        await ends_with(NotFound("nothing here"))


async def test_an_outage_is_logged_immediately_and_then_occasionally(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    entries: list[dict[str, Any]] = []

    class Log:
        def error(self, event: str, **fields: Any) -> None:
            entries.append(fields)

    monkeypatch.setattr(client, "log", Log())
    monkeypatch.setattr(client, "monotonic", lambda: now)

    @store_call
    async def one() -> None:
        raise AutoReconnect("connection closed")

    @store_call
    async def another() -> None:
        raise ending

    async def fail(call: Callable[[], Awaitable[None]], times: int) -> None:
        for _ in range(times):
            with pytest.raises(Unavailable):
                await call()

    await fail(one, 50)
    ending: PyMongoError = DuplicateKeyError("E11000")
    await fail(another, 2)
    ending = AutoReconnect("connection closed")
    await fail(another, 2)
    now += client.LOG_SECONDS + 20
    await fail(one, 3)
    assert [(line["call"].rpartition(".")[2], line["error"][:9], line.get("suppressed")) for line in entries] == [
        ("one", "AutoRecon", None),
        ("another", "Duplicate", None),
        ("another", "AutoRecon", None),
        ("one", "AutoRecon", 49),
    ]
    assert entries[-1]["since_seconds"] == client.LOG_SECONDS + 20


def failures() -> float:
    """Return the number of failed store calls."""
    return REGISTRY.get_sample_value("flowport_store_failures_total") or 0


@pytest.mark.parametrize("outcome", [AutoReconnect("connection closed"), ServerSelectionTimeoutError("none is there")])
async def test_failures_without_a_sent_command_are_counted(outcome: PyMongoError) -> None:
    before = failures()
    with pytest.raises(Unavailable):
        await ends_with(outcome)
    assert failures() == before + 1


async def test_an_error_answer_is_not_a_failure_of_the_store() -> None:
    before = failures()
    await ends_with("an answer")
    with pytest.raises(NotFound):
        await ends_with(NotFound("nothing here"))
    assert failures() == before
