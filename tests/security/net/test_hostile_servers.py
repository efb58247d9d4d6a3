"""Whatever a server sends, the executor keeps its memory, its time and its other callers."""

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator

import pytest
from tests.support.raw_http import Received, Speak, answer, raw_server, saying

from shared.net import (
    OutboundClient,
    OutboundError,
    OutboundFailed,
    OutboundLimits,
    OutboundRequest,
    OutboundTimeout,
    ResponseTooLarge,
)

MEBIBYTE = 1024 * 1024
CHUNKED = ("Transfer-Encoding: chunked",)


@pytest.fixture
async def client() -> AsyncIterator[OutboundClient]:
    client = OutboundClient(["localhost"], limits=OutboundLimits(response_bytes=MEBIBYTE))
    yield client
    await client.stop()


def bomb(size: int) -> bytes:
    """Return `size` zero bytes, compressed a thousandfold."""
    compressor = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    parts = [compressor.compress(bytes(MEBIBYTE)) for _ in range(size // MEBIBYTE)]
    return b"".join([*parts, compressor.flush()])


def for_ever(start: bytes, part: bytes) -> Speak:
    async def speak(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while not writer.is_closing():
            writer.write(part)
            await writer.drain()

    return speak


def get(url: str, seconds: float = 60.0) -> OutboundRequest:
    return OutboundRequest("GET", url, timeout_seconds=seconds)


async def test_a_bomb_is_not_unpacked(client: OutboundClient) -> None:
    sent = answer(body=bomb(128 * MEBIBYTE), headers=("Content-Encoding: gzip",))
    async with raw_server(saying(sent)) as server:
        tracemalloc.start()
        with pytest.raises(ResponseTooLarge, match="larger than 1048576 bytes"):
            await client.send(get(server.url))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 8 * MEBIBYTE


async def test_a_bomb_in_a_bomb_is_not_even_opened(client: OutboundClient) -> None:
    body = gzip.compress(bomb(64 * MEBIBYTE))
    async with raw_server(saying(answer(body=body, headers=("Content-Encoding: gzip, gzip",)))) as server:
        with pytest.raises(OutboundFailed, match="unknown content encoding"):
            await client.send(get(server.url))


@pytest.mark.parametrize(
    ("start", "part"),
    [
        (answer(has_length=False), b"x" * 65536),
        (answer(headers=CHUNKED, has_length=False), b"10000\r\n" + b"x" * 65536 + b"\r\n"),
        (answer(headers=CHUNKED, has_length=False), b"1\r\nx\r\n" * 1000),
        (answer(headers=CHUNKED, has_length=False), b"1;" + b"y" * 60_000 + b"\r\nx\r\n"),
        (answer(headers=("Content-Length: 999999999999",), has_length=False), b"x" * 65536),
        (b"", b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" * 100),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 100),
        (b"HTTP/1.1 200 OK\r\nX: ", b"y" * 1000),
        (b"", b"\r\n" * 1000),
        (answer(headers=CHUNKED, has_length=False) + b"0\r\n", b"X-Trailer: y\r\n" * 1000),
    ],
    ids=["body", "chunks", "small chunks", "extensions", "length", "hints", "headers", "header", "nothing", "trailers"],
)
async def test_an_endless_answer_is_cut_off(client: OutboundClient, start: bytes, part: bytes) -> None:
    async with raw_server(for_ever(start, part)) as server:
        with pytest.raises((ResponseTooLarge, OutboundFailed)):
            await client.send(get(server.url))
        await asyncio.wait_for(server.hung_up.wait(), 30)


async def test_a_body_that_drips_ends_with_the_time(client: OutboundClient) -> None:
    async def drip(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(headers=("Content-Length: 1000",), has_length=False))
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with raw_server(drip) as server:
        with pytest.raises(OutboundTimeout, match=r"^Request timed out after 100ms$") as caught:
            await client.send(get(server.url, 0.1))
        assert caught.value.ms == 100
        await asyncio.wait_for(server.hung_up.wait(), 30)


async def test_silence_ends_before_the_time(client: OutboundClient) -> None:
    short_leases = OutboundClient(["localhost"], limits=OutboundLimits(idle_seconds=0.05))
    async with raw_server(saying(b"HTTP/1.1 200 OK\r\n")) as server:
        with pytest.raises(OutboundTimeout, match="after 50ms"):
            await short_leases.send(get(server.url))
    await short_leases.stop()


async def test_a_chain_of_slow_redirects_shares_one_time(client: OutboundClient) -> None:
    async def slowly(request: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.04)
        writer.write(answer("302 On", headers=(f"Location: {request.target}x",)))

    async with raw_server(slowly) as server:
        with pytest.raises(OutboundTimeout, match="after 100ms"):
            await client.send(get(server.url, 0.1))
    assert len(server.requests) <= 3


async def test_many_headers_are_too_many(client: OutboundClient) -> None:
    many = tuple(f"X-{n}: y" for n in range(300))
    large = tuple(f"X-{n}: {'y' * 5000}" for n in range(16))
    for headers in (many, large):
        async with raw_server(saying(answer(headers=headers))) as server:
            with pytest.raises(ResponseTooLarge, match="headers"):
                await client.send(get(server.url))


@pytest.mark.parametrize(
    "said",
    [
        b"not http\r\n\r\n",
        b"HTTP/1.1 999999 Odd\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnope\r\n",
        b"HTTP/1.1 200 OK\r\n bad: folding\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nxx",
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"",
    ],
)
async def test_a_non_http_answer_is_a_failure_and_leaves_the_client_usable(client: OutboundClient, said: bytes) -> None:
    async def speak(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(said if request.target == "/bad" else answer(body=b"fine"))
        await writer.drain()
        if request.target == "/bad":
            writer.close()

    async with raw_server(speak) as server:
        with pytest.raises(OutboundError):
            await client.send(get(f"{server.url}/bad", 30))
        assert (await client.send(get(f"{server.url}/good", 30))).body == b"fine"


async def test_an_answer_sent_in_advance_reaches_no_caller(client: OutboundClient) -> None:
    """A server that sends two answers to one request must not choose the next caller's answer."""
    async with raw_server(saying(answer(body=b"first") + answer(body=b"planted"))) as server:
        assert (await client.send(get(server.url))).body == b"first"
        assert (await client.send(get(server.url))).body == b"first"


async def test_an_answer_sent_between_two_calls_reaches_no_caller(client: OutboundClient) -> None:
    planted = asyncio.Event()

    async def speak(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(body=b"first"))
        await writer.drain()
        await asyncio.sleep(0.01)
        writer.write(answer(body=b"planted"))
        planted.set()

    async with raw_server(speak) as server:
        assert (await client.send(get(server.url))).body == b"first"
        await asyncio.wait_for(planted.wait(), 30)
        await asyncio.sleep(0.05)
        assert (await client.send(get(server.url))).body == b"first"


@pytest.mark.parametrize(("seconds", "idle_seconds"), [(0.1, 300), (60, 0.1)])
async def test_a_server_that_reads_nothing_cannot_hold_an_upload(seconds: float, idle_seconds: float) -> None:
    gave_up = asyncio.Event()

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gave_up.wait()
        writer.close()

    async with await asyncio.start_server(deaf, "127.0.0.1", 0, limit=1024) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        client = OutboundClient(["localhost"], limits=OutboundLimits(idle_seconds=idle_seconds))
        upload = OutboundRequest("POST", url, {}, bytes(10 * MEBIBYTE), timeout_seconds=seconds)
        with pytest.raises(OutboundTimeout, match="after 100ms"):
            await client.send(upload)
        await client.stop()
        gave_up.set()


async def test_a_server_that_sends_tiny_pieces_delays_no_other_caller(client: OutboundClient) -> None:
    """Reading many tiny pieces takes time; the loop must turn in between."""
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    crumbs = for_ever(answer(headers=CHUNKED, has_length=False), b"1\r\nx\r\n" * 10_000)
    async with raw_server(crumbs) as server:
        others = asyncio.ensure_future(turn())
        with pytest.raises(OutboundError):
            await client.send(get(server.url))
        others.cancel()
    assert turns > 15
