"""A store that a full disk has stopped, as /readyz sees it."""

import resource
from collections.abc import AsyncIterator

import pytest
from tests.support.secantus import SecantusServer

from shared.errors import Unavailable
from shared.store.client import Store, store_call


@pytest.fixture
async def store(private_secantus: SecantusServer) -> AsyncIterator[Store]:
    store = Store(private_secantus.uri, "full")
    await store.start()
    yield store
    await store.stop()


async def test_a_store_that_a_full_disk_has_stopped_is_not_ready(
    store: Store, private_secantus: SecantusServer
) -> None:
    @store_call
    async def write() -> None:
        await store.collection("written").insert_one({"text": "x" * 100_000})

    await write()
    await store.ping()

    assert private_secantus.pid is not None
    resource.prlimit(private_secantus.pid, resource.RLIMIT_FSIZE, (1, 1))  # no file can grow
    with pytest.raises(Unavailable):
        await write()
    with pytest.raises(Unavailable):
        await store.ping()
