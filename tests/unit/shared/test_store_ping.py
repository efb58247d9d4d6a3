"""The store's health for /readyz."""

import socket

import pytest
from prometheus_client import REGISTRY

from shared.errors import Unavailable
from shared.store import client
from shared.store.client import Store
from shared.web.app import CHECK_SECONDS


def test_a_ping_answers_before_its_caller_times_out() -> None:
    """A cancelled check could not report the reason."""
    assert client.PING_SECONDS < CHECK_SECONDS


async def test_a_hanging_store_is_reported_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PING_SECONDS", 0.2)
    before = REGISTRY.get_sample_value("flowport_store_failures_total") or 0
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = Store(f"mongodb://127.0.0.1:{silent.getsockname()[1]}/?directConnection=true", "nothing")
        with pytest.raises(Unavailable, match=r"the store does not respond: .+"):
            await store.ping()
        await store.stop()
    assert REGISTRY.get_sample_value("flowport_store_failures_total") == before + 1
