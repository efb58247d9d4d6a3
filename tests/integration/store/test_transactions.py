"""Transactions of a service's store."""

from collections.abc import AsyncIterator

import pytest

from shared.store.client import Document, Store
from shared.store.transactions import Session, transact


@pytest.fixture
async def store(mongodb_uri: str, mongodb_prefix: str) -> AsyncIterator[Store]:
    """The store at a shared address, with the options that others would add to it."""
    joint = "&" if "?" in mongodb_uri else "/?"
    store = Store(f"{mongodb_uri}{joint}readPreference=secondaryPreferred", f"{mongodb_prefix}_things")
    yield store
    await store.stop()


async def test_a_transaction_reads_its_writes_whatever_the_address_configures(store: Store) -> None:
    things = store.collection("things")

    async def body(session: Session) -> Document | None:
        await things.insert_one({"_id": "a"}, session=session)
        return await things.find_one({"_id": "a"}, session=session)

    assert await transact(store, body) == {"_id": "a"}
    assert await things.find_one({"_id": "a"}) == {"_id": "a"}
