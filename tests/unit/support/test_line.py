"""The connection that fault tests cut becomes silent instead of breaking."""

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest
from tests.support.silent_proxy import Line


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """Port of an echo server."""

    async def say_back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    async with await asyncio.start_server(say_back, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def test_a_cut_connection_is_silent_until_it_is_restored_and_then_broken(echo: int) -> None:
    async with Line([echo]) as line:
        reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
        writer.write(b"one")
        assert await reader.read(100) == b"one"

        line.cut()
        writer.write(b"two")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(100), 0.1)

        line.restore()
        with pytest.raises(ConnectionError):
            assert not await reader.read(100)
            raise ConnectionAbortedError
        writer.close()


async def test_an_unreachable_target_is_skipped(echo: int) -> None:
    async with Line([1, echo]) as line:
        for _ in range(10):
            reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
            writer.write(b"hello")
            assert await reader.read(100) == b"hello"
            writer.close()


@pytest.mark.filterwarnings("error")
async def test_a_cut_connection_is_closed_when_both_sides_have_closed() -> None:
    finished = asyncio.Event()

    async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await finished.wait()
        writer.close()

    async with await asyncio.start_server(leave, "127.0.0.1", 0) as server:
        async with Line([server.sockets[0].getsockname()[1]]) as line:
            _, writer = await asyncio.open_connection("127.0.0.1", line.port)
            await asyncio.sleep(0.05)  # it has reached the other side, which sends nothing
            line.cut()
            writer.close()
            finished.set()
            await asyncio.sleep(0.05)
        gc.collect()
