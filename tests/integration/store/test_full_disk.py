"""A store that a full disk has stopped, as /readyz sees it."""

import resource
from collections.abc import AsyncIterator

import pytest
from tests.support.secantus import SecantusServer

from shared.errors import Unavailable
from shared.store.client import Store
from shared.store.errors import store_call


@pytest.fixture
async def store(secantus_of_my_own: SecantusServer) -> AsyncIterator[Store]:
    store = Store(secantus_of_my_own.uri, "full")
    await store.start()
    yield store
    await store.stop()


async def test_a_store_that_a_full_disk_has_stopped_is_not_ready(
    store: Store, secantus_of_my_own: SecantusServer
) -> None:
    @store_call
    async def write() -> None:
        await store.collection("written").insert_one({"text": "x" * 100_000})

    await write()
    await store.ping()

    assert secantus_of_my_own.pid is not None
    resource.prlimit(secantus_of_my_own.pid, resource.RLIMIT_FSIZE, (1, 1))  # no file can grow
    with pytest.raises(Unavailable):
        await write()
    with pytest.raises(Unavailable):
        await store.ping()
