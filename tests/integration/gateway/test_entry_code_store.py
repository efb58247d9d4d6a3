"""Codes for chats in a real store."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from gateway.chat.codes import INDEXES, MAX_TRIES, EntryCode, EntryCodeStore
from shared.store.client import Store

NOW = datetime.now(UTC).replace(microsecond=0)
CODE = EntryCode(code_hash="hash", expires_at=NOW + timedelta(hours=1))
OTHER = EntryCode(code_hash="other", expires_at=CODE.expires_at)


@pytest.fixture
async def codes(mongodb_uri: str, mongodb_prefix: str) -> AsyncIterator[EntryCodeStore]:
    store = Store(mongodb_uri, f"{mongodb_prefix}_gateway", INDEXES)
    await store.start()
    yield EntryCodeStore(store)
    await store.stop()


async def test_attempts_at_a_code_are_limited_under_concurrency(codes: EntryCodeStore) -> None:
    assert await codes.count_try("k", NOW) is None
    await codes.put("k", CODE)
    tried = await asyncio.gather(*(codes.count_try("k", NOW) for _ in range(MAX_TRIES + 3)))
    assert tried.count(CODE) == MAX_TRIES
    await codes.put("k", OTHER)
    assert await codes.count_try("k", NOW) == OTHER, "a new code has tries of its own"


async def test_a_code_expires(codes: EntryCodeStore) -> None:
    await codes.put("k", CODE)
    assert await codes.count_try("k", CODE.expires_at) is None


async def test_a_code_is_used_once_and_only_the_newest_is_valid(codes: EntryCodeStore) -> None:
    await codes.put("k", CODE)
    used = await asyncio.gather(*(codes.use("k", CODE) for _ in range(3)))
    assert sorted(used) == [False, False, True]
    await codes.put("k", OTHER)
    assert not await codes.use("k", CODE)
    assert await codes.use("k", OTHER)
