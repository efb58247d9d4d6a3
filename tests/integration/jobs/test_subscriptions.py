"""The in-memory list of subscriptions to runs."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from pymongo.asynchronous.cursor import AsyncCursor
from tests.support.deploy import key
from tests.support.jobs.system import WORKSPACE

from jobs_service.webhooks.subscriptions import SUBSCRIPTION_INDEXES as INDEXES
from jobs_service.webhooks.subscriptions import MongoSubscriptions
from shared.contracts.webhooks import SaveSubscription
from shared.security.aes_gcm import AesGcmKeyRing
from shared.store.client import Document, Store


@pytest.fixture
async def subscriptions(mongodb_uri: str, mongodb_prefix: str) -> AsyncIterator[MongoSubscriptions]:
    store = Store(mongodb_uri, f"{mongodb_prefix}_jobs", INDEXES)
    await store.start()
    yield MongoSubscriptions(store, AesGcmKeyRing.parse(key("k1"), setting="keys"))
    await store.stop()


async def test_a_subscriber_added_during_the_reading_of_the_list_is_known_immediately(
    subscriptions: MongoSubscriptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, arrives = asyncio.Event(), asyncio.Event()

    async def to_list_over_a_slow_line(cursor: AsyncCursor[Document]) -> list[Document]:
        found = [document async for document in cursor]
        answered.set()
        await arrives.wait()
        return found

    with monkeypatch.context() as slow:
        slow.setattr(AsyncCursor, "to_list", to_list_over_a_slow_line)
        reader = asyncio.create_task(subscriptions.refresh())
        await answered.wait()
    await subscriptions.save(WORKSPACE, None, SaveSubscription(url="https://example.com/hook"))
    arrives.set()
    await reader
    assert subscriptions.has_any(WORKSPACE)
    await subscriptions.refresh()
    assert subscriptions.has_any(WORKSPACE)
    assert not subscriptions.has_any("another")


async def test_a_starting_process_knows_existing_subscribers(
    subscriptions: MongoSubscriptions, mongodb_uri: str, mongodb_prefix: str
) -> None:
    await subscriptions.save(WORKSPACE, None, SaveSubscription(url="https://example.com/hook"))
    store = Store(mongodb_uri, f"{mongodb_prefix}_jobs", INDEXES)
    await store.start()
    starting = MongoSubscriptions(store, AesGcmKeyRing.parse(key("k1"), setting="keys"))
    await starting.start()
    assert starting.has_any(WORKSPACE)
    await store.stop()
