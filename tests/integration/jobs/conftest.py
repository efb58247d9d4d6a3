"""One jobs-service per test, each with a separate database."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from pydantic import SecretStr
from tests.support.deploy import key
from tests.support.jobs.system import System, quick_settings, running
from tests.support.jobs.webhooks import Stub

from jobs_service.bootstrap import open_store
from shared.store.client import Store

Start = Callable[..., AbstractAsyncContextManager[System]]


@pytest.fixture
def start(mongodb_uri: str, mongodb_prefix: str) -> Start:
    """Starts a jobs-service with other settings; several share their database and broker."""

    def _start(**options: Any) -> AbstractAsyncContextManager[System]:
        parts = {name: options.pop(name) for name in ("runs", "queue", "store", "broker", "clock") if name in options}
        return running(quick_settings(mongodb_uri, mongodb_prefix, **options), **parts)

    return _start


@pytest.fixture
async def system(start: Start) -> AsyncIterator[System]:
    """A jobs-service with connected workers."""
    async with start() as system:
        await system.executor.listen()
        yield system


@pytest.fixture
async def short_leases(start: Start) -> AsyncIterator[System]:
    """A jobs-service with a worker timeout of half a second."""
    async with start(lease_seconds=0.5) as system:
        await system.executor.listen()
        yield system


@pytest.fixture
async def store(mongodb_uri: str, mongodb_prefix: str) -> AsyncIterator[Store]:
    """An empty store of a jobs-service."""
    store = open_store(quick_settings(mongodb_uri, mongodb_prefix))
    await store.start()
    yield store
    await store.stop()


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    async with Stub() as stub:
        yield stub


@pytest.fixture
async def hooked(start: Start) -> AsyncIterator[System]:
    """A jobs-service that may call this machine."""
    async with start(
        outbound_allow="localhost,127.0.0.1", webhook_keys=SecretStr(key("k1")), webhook_poll_seconds=0.05
    ) as system:
        await system.executor.listen()
        yield system
