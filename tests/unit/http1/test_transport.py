"""Our transport behaves like httpx2's, and keeps its bounds whatever a server sends."""

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.certificates import Authority
from tests.support.eventually import PATIENCE_SECONDS, eventually
from tests.support.left_behind import without_collections
from tests.support.raw_http import Received, Speak, answer, raw_server, saying

from shared.http1 import Http1Transport
from shared.http1.connection import Connection
from shared.http1.exchange import MAX_BUFFERED_BYTES, MAX_HEAD_BYTES, Exchange

CHUNKED = answer(headers=("Transfer-Encoding: chunked", "X-Kind: Words"), has_length=False)
WORDS = b"4\r\none \r\n4\r\ntwo \r\n"
END = b"5\r\nthree\r\n0\r\nX-Trailer: yes\r\n\r\n"
STREAM = CHUNKED + WORDS + END


@pytest.fixture(params=[partial(Http1Transport, keep_seconds=5), httpx2.AsyncHTTPTransport], ids=["ours", "httpx2"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=request.param(), timeout=30, trust_env=False) as made:
        yield made


@pytest.fixture
async def ours() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=Http1Transport(keep_seconds=5), timeout=30) as made:
        yield made


def in_turn(*answers: bytes) -> Speak:
    """Serve an answer for each request; the last one repeats."""
    left = list(answers)

    async def speak(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if len(left) > 1 else left[0])

    return speak


def then_closing(sent: bytes) -> Speak:
    async def speak(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await writer.drain()
        writer.close()

    return speak


async def received_until_the_cut(response: httpx2.Response) -> bytes:
    received = b""
    with pytest.raises(httpx2.RemoteProtocolError):
        async for piece in response.aiter_raw():
            received += piece
    return received


async def silence(request: Received, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


@pytest.mark.parametrize(
    ("sent", "body"),
    [
        (STREAM, b"one two three"),
        (answer(body=b"whole"), b"whole"),
        (answer(), b""),
        (answer("204 No Content", has_length=False), b""),
        (answer("103 Early Hints", headers=("Link: x",), has_length=False) + answer(body=b"after"), b"after"),
        (answer("100 Continue", has_length=False) + STREAM, b"one two three"),
    ],
)
async def test_every_kind_of_answer_is_read(client: httpx2.AsyncClient, sent: bytes, body: bytes) -> None:
    async with raw_server(saying(sent)) as server:
        for _ in range(2):
            found = await client.post(f"{server.url}/v1?q=a%20b", json={"a": "é"}, headers={"X-Mine": "1"})
            assert found.content == body
            assert "link" not in found.headers
        assert server.connections == 1
        second = server.requests[1]
    assert (second.method, second.target, json.loads(second.body)) == ("POST", "/v1?q=a%20b", {"a": "é"})
    assert second.headers["host"] == f"127.0.0.1:{server.port}"
    assert second.headers["x-mine"] == "1"


async def test_status_reason_and_headers_are_returned(client: httpx2.AsyncClient) -> None:
    sent = answer("429 Slow Down Please", b"{}", ("Retry-After: 7", "Set-Cookie: a=1", "Set-Cookie: b=2"))
    async with raw_server(saying(sent)) as server:
        found = await client.get(server.url)
    assert (found.status_code, found.reason_phrase, found.headers["retry-after"]) == (429, "Slow Down Please", "7")
    assert found.headers.get_list("set-cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize("sent", [answer(has_length=False) + b"x", answer("200", b"x", ("Connection: close",))])
async def test_an_answer_may_end_with_its_connection(client: httpx2.AsyncClient, sent: bytes) -> None:
    async with raw_server(then_closing(sent)) as server:
        assert (await client.get(server.url)).content == b"x"
        await client.get(server.url)
        assert server.connections == 2


async def test_pieces_are_delivered_as_they_arrive(client: httpx2.AsyncClient) -> None:
    go_on = asyncio.Event()

    async def speak(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + WORDS)
        await go_on.wait()
        writer.write(END)

    async with raw_server(speak) as server, client.stream("GET", server.url) as response:
        received = b""
        async for piece in response.aiter_raw():
            received += piece
            if received == b"one two ":
                go_on.set()
    assert received == b"one two three"


@pytest.mark.parametrize(
    "sent", [CHUNKED + WORDS, answer(headers=("Content-Length: 99",), has_length=False) + b"one two "]
)
async def test_data_before_a_broken_connection_is_read_before_the_error(
    client: httpx2.AsyncClient, sent: bytes
) -> None:
    async with raw_server(then_closing(sent)) as server, client.stream("GET", server.url) as response:
        assert await received_until_the_cut(response) == b"one two "


async def test_a_reader_that_came_late_reads_what_came_before_the_cut(ours: httpx2.AsyncClient) -> None:
    async with raw_server(then_closing(CHUNKED + WORDS)) as server, ours.stream("GET", server.url) as response:
        await asyncio.sleep(0.05)
        assert await received_until_the_cut(response) == b"one two "


async def test_a_connection_closed_while_idle_is_not_reused(client: httpx2.AsyncClient) -> None:
    closing = asyncio.Event()

    async def speak(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(body=b"x"))
        await writer.drain()
        writer.close()
        closing.set()

    async with raw_server(speak) as server:
        await client.get(server.url)
        await closing.wait()
        await asyncio.sleep(0.05)
        assert (await client.get(server.url)).content == b"x"
        assert server.connections == 2


@pytest.mark.parametrize("more", [answer(body=b"forged"), b"garbage", b"\x00"])
async def test_unrequested_data_is_not_used_as_an_answer(ours: httpx2.AsyncClient, more: bytes) -> None:
    async with raw_server(in_turn(answer(body=b"first") + more, answer(body=b"second"))) as server:
        assert (await ours.get(server.url)).content == b"first"
        assert (await ours.get(server.url)).content == b"second"
        assert server.connections == 2


async def test_data_sent_in_advance_closes_the_connection(ours: httpx2.AsyncClient) -> None:
    forged = asyncio.Event()

    async def speak(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(body=b"mine"))
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.write(answer(body=b"forged"))
        forged.set()

    async with raw_server(speak) as server:
        for _ in range(3):
            forged.clear()
            assert (await ours.get(server.url)).content == b"mine"
            await asyncio.wait_for(forged.wait(), 30)
            await asyncio.sleep(0.05)
        assert server.connections == 3


async def test_a_stream_left_in_the_middle_leaves_no_connection(client: httpx2.AsyncClient) -> None:
    async with raw_server(saying(CHUNKED + WORDS)) as server:
        async with client.stream("GET", server.url) as response:
            assert response.status_code == 200
        await asyncio.wait_for(server.hung_up.wait(), 30)


async def test_a_cancelled_call_leaves_no_connection(client: httpx2.AsyncClient) -> None:
    async with raw_server(silence) as server:
        asking = asyncio.create_task(client.get(server.url))
        await eventually(lambda: server.requests)
        asking.cancel()
        await asyncio.wait([asking])
        assert asking.cancelled()


@pytest.mark.parametrize(
    ("speak", "error"),
    [
        (silence, httpx2.ReadTimeout),
        (saying(CHUNKED + WORDS), httpx2.ReadTimeout),
        (then_closing(b""), httpx2.RemoteProtocolError),
        (saying(CHUNKED + b"zz\r\n"), httpx2.RemoteProtocolError),
        (saying(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000), httpx2.RemoteProtocolError),
    ],
)
async def test_a_failing_server_is_reported_with_httpx2s_errors(
    client: httpx2.AsyncClient, speak: Speak, error: type[Exception]
) -> None:
    async with raw_server(speak) as server:
        with pytest.raises(error):
            await client.get(server.url, timeout=httpx2.Timeout(30, read=0.3 if error is httpx2.ReadTimeout else 30))


@pytest.mark.parametrize(
    "sent",
    [
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    ],
)
async def test_another_protocol_is_not_spoken(ours: httpx2.AsyncClient, sent: bytes) -> None:
    async with raw_server(saying(sent)) as server:
        with pytest.raises(httpx2.RemoteProtocolError):
            await ours.get(server.url)


async def test_interim_answers_without_end_are_ended(ours: httpx2.AsyncClient) -> None:
    hints = answer("103 Early Hints", headers=("X: y",), has_length=False)
    async with raw_server(saying(hints * (MAX_HEAD_BYTES // len(hints) + 2))) as server:
        with pytest.raises(httpx2.RemoteProtocolError, match="longer than"):
            await ours.get(server.url)


async def test_a_closed_port_is_reported(client: httpx2.AsyncClient) -> None:
    async with raw_server(silence) as server:
        url = server.url
    with pytest.raises(httpx2.ConnectError):
        await client.get(url)


async def test_an_unresolvable_name_is_reported(client: httpx2.AsyncClient) -> None:
    with pytest.raises(httpx2.ConnectError):
        await client.get("http://nowhere.invalid/")


async def test_a_server_that_does_not_answer_a_connection_is_given_up(client: httpx2.AsyncClient) -> None:
    with pytest.raises(httpx2.ConnectTimeout):
        await client.get("https://127.0.0.1:1", timeout=httpx2.Timeout(5, connect=1e-9))


@pytest.mark.parametrize("key", ["a\r\nX-Forged: 1", "a\nb", "a\0b"])
async def test_a_header_cannot_bring_another_and_is_not_repeated(client: httpx2.AsyncClient, key: str) -> None:
    async with raw_server(saying(answer())) as server:
        with pytest.raises(httpx2.LocalProtocolError) as failure:
            await client.get(server.url, headers={"Authorization": key})
        assert server.requests == []
    if isinstance(client._transport, Http1Transport):
        assert key not in str(failure.value)


async def test_other_schemes_are_refused(client: httpx2.AsyncClient) -> None:
    with pytest.raises(httpx2.UnsupportedProtocol):
        await client.get("ftp://127.0.0.1/")


async def test_a_reader_that_is_slow_slows_the_server(ours: httpx2.AsyncClient) -> None:
    piece, sent = b"10000\r\n" + b"x" * 65536 + b"\r\n", 0

    async def speak(request: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(CHUNKED)
        for _ in range(500):
            writer.write(piece)
            await writer.drain()
            sent += 1
        writer.write(b"0\r\n\r\n")

    async with raw_server(speak) as server, ours.stream("GET", server.url) as response:
        await asyncio.sleep(0.2)
        assert 0 < sent < 500
        sizes = [len(read) async for read in response.aiter_raw()]
    assert sum(sizes) == 500 * 65536
    assert max(sizes) < 2 * MAX_BUFFERED_BYTES


async def test_a_connection_whose_answer_was_left_unread_serves_no_other(ours: httpx2.AsyncClient) -> None:
    left = answer(body=b"x" * (2 * MAX_BUFFERED_BYTES))
    async with raw_server(in_turn(left, answer(body=b"heard"))) as server:
        async with ours.stream("GET", server.url):
            await asyncio.sleep(0.2)
        assert (await ours.get(server.url, timeout=PATIENCE_SECONDS)).content == b"heard"
        assert server.connections == 2


async def test_the_number_of_connections_is_bounded() -> None:
    transport = Http1Transport(keep_seconds=5, max_connections=2)
    async with raw_server(silence) as server, httpx2.AsyncClient(transport=transport) as client:
        held = [asyncio.create_task(client.get(server.url)) for _ in range(2)]
        await eventually(lambda: len(server.requests) == 2)
        with pytest.raises(httpx2.PoolTimeout):
            await client.get(server.url, timeout=httpx2.Timeout(5, pool=0.05))
        for task in held:
            task.cancel()
        await asyncio.wait(held)
        with pytest.raises(httpx2.ReadTimeout):
            await client.get(server.url, timeout=httpx2.Timeout(30, read=0.05))


async def test_an_unused_connection_is_closed_after_a_while() -> None:
    transport = Http1Transport(keep_seconds=0.05)
    async with raw_server(saying(answer())) as server, httpx2.AsyncClient(transport=transport) as client:
        await client.get(server.url)
        await asyncio.wait_for(server.hung_up.wait(), 30)


async def test_connections_that_closed_while_idle_are_dropped() -> None:
    async with httpx2.AsyncClient(transport=Http1Transport(keep_seconds=5), timeout=30) as ours:
        with without_collections() as remains:
            for _ in range(5):  # origins that are not called again
                async with raw_server(saying(answer())) as server:
                    await ours.get(server.url)
            assert len(remains.of(Connection)) <= 3


async def test_idle_connections_are_closed_with_the_client() -> None:
    async with raw_server(saying(answer())) as server:
        async with httpx2.AsyncClient(transport=Http1Transport(keep_seconds=60)) as client:
            await client.get(server.url)
            assert not server.hung_up.is_set()
        await asyncio.wait_for(server.hung_up.wait(), 30)


async def test_a_reused_connection_has_its_own_timeout() -> None:
    async def speak(request: Received, writer: asyncio.StreamWriter) -> None:
        if request.target == "/slow":
            await asyncio.sleep(0.4)
        writer.write(answer(body=b"x"))

    transport = Http1Transport(keep_seconds=0.2)
    async with raw_server(speak) as server, httpx2.AsyncClient(transport=transport, timeout=30) as client:
        await client.get(server.url)
        assert (await client.get(f"{server.url}/slow")).content == b"x"
        assert server.connections == 1


async def test_tls_verifies_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    async with raw_server(saying(STREAM), tls=authority.server_context("localhost")) as server:
        url = f"https://localhost:{server.port}"
        async with httpx2.AsyncClient(transport=Http1Transport(keep_seconds=5)) as stranger:
            with pytest.raises(httpx2.ConnectError, match="certificate"):
                await stranger.get(url)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file()))
        async with httpx2.AsyncClient(transport=Http1Transport(keep_seconds=5)) as client:
            for _ in range(2):
                assert (await client.get(url)).content == b"one two three"
            with pytest.raises(httpx2.ConnectError, match="certificate"):
                await client.get(f"https://127.0.0.1:{server.port}")


class _NoTransport(asyncio.Transport):
    """Return a port without a listener."""

    def abort(self) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_an_answer_may_arrive_in_any_pieces(cuts: list[int]) -> None:
    exchange = Exchange(_NoTransport())
    places = [0, *sorted(cuts), len(STREAM)]
    for begin, end in pairwise(places):
        exchange.feed(STREAM[begin:end])
    assert (exchange.status, exchange.is_complete, exchange.is_reusable) == (200, True, True)
    assert asyncio.run(_read(exchange)) == b"one two three"


@given(data=st.binary(max_size=300), start=st.sampled_from([b"", b"HTTP/1.1 ", CHUNKED, CHUNKED + WORDS]))
def test_no_input_crashes_the_parser(data: bytes, start: bytes) -> None:
    exchange = Exchange(_NoTransport())
    for piece in (start, data):
        exchange.feed(piece)
    exchange.connection_lost(None)
    if exchange.status:
        with_or_without_failure = asyncio.run(_read(exchange))
        assert with_or_without_failure.startswith(b"one two ") or WORDS not in start


async def _read(exchange: Exchange) -> bytes:
    read = b""
    try:
        async for piece in exchange.body(1):
            read += piece
    except httpx2.TransportError:
        pass
    return read
