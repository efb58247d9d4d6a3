"""TLS to the store by its URI, with a private authority. SecantusDB has no TLS: a proxy terminates it."""

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from tests.support.certificates import Authority

from shared.errors import Unavailable
from shared.store.client import Store

CHUNK_BYTES = 64 * 1024


@pytest.fixture
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Authority that signs the store's certificate."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def port(authority: Authority, mongodb_uri: str) -> AsyncIterator[int]:
    """Port of a store with TLS that is named localhost."""
    after = urlsplit(mongodb_uri)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        its_reader, its_writer = await asyncio.open_connection(after.hostname, after.port)
        await asyncio.gather(_pass_on(reader, its_writer), _pass_on(its_reader, writer))

    context = authority.server_context("localhost")
    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


async def test_a_store_that_our_authority_vouches_for_is_used(
    port: int, authority: Authority, mongodb_uri: str
) -> None:
    store = Store(_uri(mongodb_uri, "localhost", port, authority), "test_tls")
    await store.start()
    try:
        await store.ping()
    finally:
        await store.stop()


async def test_a_store_with_an_untrusted_certificate_is_rejected(port: int) -> None:
    await _refused(f"mongodb://localhost:{port}/?directConnection=true&tls=true")


async def test_a_store_under_another_name_is_not(port: int, authority: Authority, mongodb_uri: str) -> None:
    await _refused(_uri(mongodb_uri, "127.0.0.1", port, authority))


def _uri(after: str, host: str, port: int, authority: Authority) -> str:
    """Return the URI of the store behind TLS, at another address."""
    parts = urlsplit(after)
    user, at, _ = parts.netloc.rpartition("@")
    return f"mongodb://{user}{at}{host}:{port}/?{parts.query}&tls=true&tlsCAFile={authority.file()}"


async def _refused(uri: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # PyMongo leaves such sockets to the garbage collector
        await _ping_in_vain(uri)
        gc.collect()


async def _ping_in_vain(uri: str) -> None:
    store = Store(uri, "test_tls")
    try:
        with pytest.raises(Unavailable, match=r"(?i)certificate"):
            await store.ping()
    finally:
        await store.stop()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(CHUNK_BYTES):
        writer.write(chunk)
        await writer.drain()
    writer.close()
