"""Large values."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from tests.integration.jobs.conftest import Start
from tests.support.eventually import until
from tests.support.jobs.system import System, json_payload

from jobs_service.payloads import MongoBlobs
from shared.clients.jobs.payloads import PayloadStore
from shared.contracts.payloads import Payload, StoredBlob
from shared.errors import InvalidRequest, NotFound, PayloadTooLarge

LARGE = bytes(range(256)) * 80 * 1024  # 20 MiB


async def test_twenty_megabytes_are_returned_unchanged(system: System) -> None:
    client = system.gateway.client
    stored = await client.call("PUT", "/internal/blobs/w/mine", body=LARGE, returns=StoredBlob)
    assert stored == StoredBlob("mine", len(LARGE))

    assert await system.executor.client.fetch("GET", "/internal/blobs/w/mine") == LARGE


async def test_a_reader_bounds_the_size_before_anything_is_read(system: System) -> None:
    await system.gateway.client.call("PUT", "/internal/blobs/w/mine", body=b"12345")

    assert await system.executor.client.fetch("GET", "/internal/blobs/w/mine?max_bytes=5") == b"12345"
    with pytest.raises(PayloadTooLarge):
        await system.executor.client.fetch("GET", "/internal/blobs/w/mine?max_bytes=4")


async def test_a_missing_id_is_generated(system: System) -> None:
    store = PayloadStore(system.executor.client)
    document = b'"' + b"x" * 2_000_000 + b'"'
    payload = await store.put("w", document)
    assert payload.blob_id is not None
    assert await store.get("w", payload) == document
    assert await store.put("w", b"1") == Payload(inline=json_payload(b"1").inline, size=1)


async def test_a_blob_belongs_to_its_workspace(system: System) -> None:
    await system.gateway.client.call("PUT", "/internal/blobs/w/mine", body=b"secret")

    with pytest.raises(NotFound):
        await system.gateway.client.fetch("GET", "/internal/blobs/other/mine")


async def test_the_latest_value_under_an_id_is_the_one(system: System) -> None:
    for value in (b"first", b"second"):
        await system.gateway.client.call("PUT", "/internal/blobs/w/mine", body=value)

    assert await system.gateway.client.fetch("GET", "/internal/blobs/w/mine") == b"second"


async def test_an_empty_value_is_a_value(system: System) -> None:
    await system.gateway.client.call("PUT", "/internal/blobs/w/mine", body=b"")

    assert await system.gateway.client.fetch("GET", "/internal/blobs/w/mine") == b""


async def test_an_oversized_value_is_refused_and_leaves_nothing(start: Start) -> None:
    async with start(blob_max_bytes=1024 * 1024) as system:
        with pytest.raises(PayloadTooLarge):
            await system.gateway.client.call("PUT", "/internal/blobs/w/mine", body=bytes(3 * 1024 * 1024))

        assert await system.collection("blobs.chunks").find_one({}) is None
        with pytest.raises(NotFound):
            await system.gateway.client.fetch("GET", "/internal/blobs/w/mine")


async def test_a_blob_expires_after_its_lifetime(system: System) -> None:
    await system.gateway.client.call("PUT", "/internal/blobs/w/mine?lifetime_seconds=1", body=b"x" * 100)
    await system.collection("blob_lives").update_many({}, {"$set": {"until_ms": 1}})

    with pytest.raises(NotFound):
        await system.gateway.client.fetch("GET", "/internal/blobs/w/mine")


async def test_expired_values_are_deleted_including_incomplete_ones(start: Start) -> None:
    async with start() as system:
        blobs = MongoBlobs(system.store, max_bytes=10**9)

        async def dies_half_way() -> AsyncIterator[bytes]:
            yield bytes(2 * 1024 * 1024)
            await asyncio.sleep(3600)

        await blobs.put("w", "whole", _one(b"x"), timedelta(0))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await blobs.put("w", "half", dies_half_way(), timedelta(0))
        await blobs.put("w", "kept", _one(b"y"), timedelta(hours=1))

        async def is_swept() -> bool:
            await blobs.sweep(100)
            return await system.collection("blob_lives").count_documents({}) == 1

        await until(is_swept)
        assert await system.collection("blobs.files").count_documents({}) == 1
        assert await system.collection("blobs.chunks").count_documents({}) == 1
        _, chunks = await blobs.open("w", "kept")
        assert b"".join([chunk async for chunk in chunks]) == b"y"


@pytest.mark.parametrize("seconds", ["0", "-1", "999999999", "soon"])
async def test_a_lifetime_that_makes_no_sense_is_refused(system: System, seconds: str) -> None:
    with pytest.raises(InvalidRequest):
        await system.gateway.client.call("PUT", f"/internal/blobs/w/mine?lifetime_seconds={seconds}", body=b"x")


async def _one(value: bytes) -> AsyncIterator[bytes]:
    yield value
