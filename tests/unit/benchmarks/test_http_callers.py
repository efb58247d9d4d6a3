"""HTTP client of the load generators."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from benchmarks.load import BenchmarkFailed, Callers, Target

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nok"


@asynccontextmanager
async def served(serve: Serve) -> AsyncIterator[Target]:
    async def serve_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    async with await asyncio.start_server(serve_and_close, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield Target(f"http://{host}:{port}/execute?a=b", '{"input":"ü"}', {"X-API-Key": "k"})


async def request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    return head + await reader.readexactly(length)


async def test_a_request_has_the_target_s_body_and_headers() -> None:
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await request(reader))
        writer.write(OK)
        await writer.drain()

    async with served(serve) as target, Callers(1) as http:
        answer = await http.call(target)

    assert (answer.status, bytes(answer.body)) == (202, b"ok")
    assert received[0].startswith(b"POST /execute?a=b HTTP/1.1\r\n")
    assert b"X-API-Key: k\r\n" in received[0]
    assert received[0].endswith('\r\n\r\n{"input":"ü"}'.encode())


async def test_the_pieces_of_a_stream_have_their_arrival_times() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        for piece in (CHUNKED, b"3\r\none\r\n", b"3\r\ntwo\r\n", b"0\r\n\r\n"):
            writer.write(piece)
            await writer.drain()

    async with served(serve) as target, Callers(1) as http:
        answer = await http.call(target)

    assert bytes(answer.body) == b"onetwo"
    assert answer.timestamps
    assert answer.timestamps == sorted(answer.timestamps)


async def test_a_connection_is_reused() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for _ in range(3):
            await request(reader)
            writer.write(OK)
            await writer.drain()

    async with served(serve) as target, Callers(1) as http:
        for _ in range(3):
            await http.call(target)

    assert connections == 1


async def test_an_incomplete_response_is_an_error() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(CHUNKED + b"3\r\none\r\n")
        await writer.drain()

    async with served(serve) as target, Callers(1) as http:
        with pytest.raises(aiohttp.ClientPayloadError, match="not completed"):
            await http.call(target)


async def test_a_rejected_stream_is_an_error() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nfull")
        await writer.drain()

    async with served(serve) as target, Callers(1) as http:
        with pytest.raises(BenchmarkFailed, match="503"):
            await http.begin(target)


async def test_a_started_stream_can_be_disconnected() -> None:
    disconnected = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(CHUNKED + b"3\r\none\r\n")
        await reader.read()
        disconnected.set()

    async with served(serve) as target, Callers(1) as http:
        disconnect = await http.begin(target)
        assert not disconnected.is_set()
        disconnect()
        await asyncio.wait_for(disconnected.wait(), 30)
