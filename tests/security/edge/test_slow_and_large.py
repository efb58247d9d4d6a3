"""A caller can neither hold the server's connections open nor exhaust it: slow heads, slow bodies, huge heads, false
lengths."""

import asyncio
import logging
import resource
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import msgspec
import pytest
from prometheus_client import REGISTRY
from tests.support.eventually import PATIENCE_SECONDS, eventually
from tests.support.gateway.system import System, running_system
from tests.support.gateway.worker import Send, ends, outcome

from flowport.local import asgi_server as flowport_serving
from flowport.local.asgi_server import listen, port_of, serve_app
from shared.contracts.events import RunEnded
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunSpec
from shared.web.bounded_http import BoundedHttp
from shared.workflow.format.sizes import MAX_VALUES

MIB = 1024 * 1024


class HastyHttp(BoundedHttp):
    """Short timeouts for tests."""

    head_seconds = 0.4
    body_seconds = 0.4
    read_seconds = 0.4


@pytest.fixture
async def system(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[System]:
    monkeypatch.setattr(flowport_serving, "BoundedHttp", HastyHttp)
    async with running_system() as started:
        yield started


@asynccontextmanager
async def connection(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    yield reader, writer
    writer.transport.abort()


def head(system: System, *more: str) -> bytes:
    lines = ("POST /api/workflows/W/execute HTTP/1.1", "Host: x", f"x-api-key: {system.key}", *more, "", "")
    return "\r\n".join(lines).encode()


async def answer(port: int, sent: bytes) -> bytes:
    """Return all bytes until the server closes."""
    async with connection(port) as (reader, writer):
        writer.write(sent)
        return await asyncio.wait_for(reader.read(), 30)


def hung_up() -> float:
    """Return how many execute calls ended before they were complete."""
    labels = {"service": "gateway", "method": "POST", "route": "/api/workflows/{workflow_id}/execute", "status": "499"}
    return REGISTRY.get_sample_value("flowport_http_requests_total", labels) or 0.0


def status(received: bytes) -> int:
    return int(received.split()[1])


async def test_a_silent_connection_is_closed(port: int) -> None:
    assert await answer(port, b"") == b""


async def test_a_head_that_drips_is_refused(port: int) -> None:
    async with connection(port) as (reader, writer):

        async def drip() -> None:
            for number in count():
                writer.write(b"GET / HTTP/1.1\r\n" if number == 0 else b"x-a: b\r\n")
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        # Not all of the answer: a line sent after the server has closed resets the connection.
        assert status(await asyncio.wait_for(reader.readline(), PATIENCE_SECONDS)) == 408
        dripping.cancel()


async def test_an_incomplete_body_is_not_logged_as_an_error(
    system: System, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    before = hung_up()
    assert await answer(port, head(system, "Content-Length: 100")) == b""
    async with connection(port) as (_, writer):
        writer.write(head(system, "Content-Length: 100") + b"{")
    await eventually(lambda: hung_up() == before + 2)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_body_that_never_arrives_releases_its_slot(system: System, port: int) -> None:
    assert await answer(port, head(system, "Content-Length: 100") + b"{") == b""
    assert (await system.execute({})).status == 200


async def test_the_second_request_of_a_connection_may_not_take_its_time_either(system: System, port: int) -> None:
    async with connection(port) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status(await reader.readuntil(b"\r\n\r\n")) == 200
        writer.write(b"GET /healthz HT")
        rest = await asyncio.wait_for(reader.read(), 30)
        assert b"408" in rest


@pytest.mark.parametrize("more", [b"GET /healthz HT", b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"])
async def test_half_a_request_does_not_cost_the_one_before_it_its_answer(
    system: System, port: int, more: bytes
) -> None:
    async def slow(run: RunSpec, send: Send) -> None:
        await asyncio.sleep(1)
        await send(0, [RunEnded(outcome({"result": 1}))])

    system.worker.perform = slow
    async with connection(port) as (reader, writer):
        writer.write(head(system, "Content-Length: 2") + b"{}" + more)
        assert status(await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)) == 200


@pytest.mark.parametrize("sent", [b"\r\n", b"\r\n\r\n"])
async def test_an_invalid_request_does_not_hold_its_connection(
    system: System, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(flowport_serving, "KEEP_ALIVE_SECONDS", 1)
    listening = listen(0)
    async with serve_app(system.app, listening), connection(port_of(listening)) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status(await reader.readuntil(b"\r\n\r\n")) == 200
        writer.write(sent)
        await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)


def large(system: System) -> None:
    """Let runs end with more data than any network buffers."""
    system.jobs.blobs["large"] = b'{"result":"%b"}' % (b"x" * 12 * MIB)
    system.worker.script = ends(msgspec.structs.replace(outcome(), output=Payload(blob_id="large", size=12 * MIB)))


async def test_an_unread_answer_is_not_buffered_indefinitely(system: System, port: int) -> None:
    large(system)
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as caller:
        caller.sendall(head(system, "Content-Length: 2") + b"{}")
        await eventually(lambda: system.worker.runs)
        await asyncio.sleep(2)
        assert await asyncio.to_thread(_read_to_its_end, caller) < 12 * MIB


def _read_to_its_end(caller: socket.socket) -> int:
    """Return how much there was. Raises TimeoutError."""
    return sum(iter(lambda: len(caller.recv(MIB)), 0))


async def test_a_slow_reader_gets_all_of_it(system: System, port: int) -> None:
    large(system)
    async with connection(port) as (reader, writer):
        writer.write(head(system, "Content-Length: 2", "Connection: close") + b"{}")
        received = 0
        while piece := await asyncio.wait_for(reader.read(MIB), 30):
            received += len(piece)
            await asyncio.sleep(0.1)
    assert received > 12 * MIB


async def test_a_run_may_take_longer_than_its_request(system: System, port: int) -> None:
    async def slow(run: object, send: object) -> None:
        await asyncio.sleep(1)

    system.worker.perform = slow
    async with connection(port) as (reader, writer):
        writer.write(head(system, "Content-Length: 15") + b'{"stream":true}')
        assert status(await reader.readuntil(b"\r\n\r\n")) == 200
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.8)


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nx-a: " + b"a" * MIB,
        b"GET / HTTP/1.1\r\n" + b"x-a: b\r\n" * 100_000,
        b"GET /" + b"a" * MIB,
    ],
)
async def test_a_huge_head_is_refused(port: int, sent: bytes) -> None:
    try:
        received = await answer(port, sent)
    except ConnectionResetError:
        return  # it is not even read to its end
    assert status(received) in (400, 431)


async def test_an_oversized_head_is_refused_with_a_status(port: int) -> None:
    received = await answer(port, b"GET / HTTP/1.1\r\nx-a: " + b"a" * (BoundedHttp.head_bytes + 1))
    assert status(received) == 431


async def test_many_idle_connections_leave_others_alone(system: System, port: int) -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    count = min(500, limit // 4)
    idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(count)]
    body = head(system, "Content-Length: 2", "Connection: close") + b"{}"
    assert status(await answer(port, body)) == 200
    for _, writer in idle:
        writer.transport.abort()


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        (b"2\r\n{}\r\n0\r\n\r\n", 200),
        (b"zz\r\n{}\r\n0\r\n\r\n", 400),
        (b"ffffffffffffffffffff\r\n{}", 400),
    ],
)
async def test_lies_about_chunks_are_not_believed(system: System, port: int, chunks: bytes, expected: int) -> None:
    sent = head(system, "Transfer-Encoding: chunked", "Connection: close") + chunks
    assert status(await answer(port, sent)) == expected


async def test_a_chunked_body_ends_at_the_limit(system: System, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HastyHttp, "body_seconds", 30.0)  # Its size must end it, however slow the machine is.
    async with connection(port) as (reader, writer):
        writer.write(head(system, "Transfer-Encoding: chunked"))
        piece = b"100000\r\n" + b"x" * MIB + b"\r\n"

        async def pour() -> None:
            for _ in range(12):
                writer.write(piece)
                await writer.drain()

        pouring = asyncio.create_task(pour())
        assert status(await asyncio.wait_for(reader.readuntil(b"\r\n"), 30)) == 413
        pouring.cancel()
        await asyncio.wait([pouring])


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 5_000 + b"1" + b"}" * 5_000])
async def test_deep_json_is_refused(system: System, body: bytes) -> None:
    assert (await system.execute(body)).status == 400


async def test_a_million_keys_are_read_in_bounded_memory(system: System) -> None:
    body = b'{"useDraftState":true' + b"".join(b',"k%d":1' % number for number in range(800_000)) + b"}"
    assert len(body) < 10 * MIB
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (await system.execute(body)).status == 400
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024


@pytest.mark.parametrize("value", [b"[]", b'{"a":1}', b'""'])
async def test_a_body_of_too_many_values_is_refused(system: System, value: bytes) -> None:
    answer = await system.execute(b'{"x":[' + b",".join([value] * (MAX_VALUES + 1)) + b"]}")
    assert answer.status == 400
    assert f"the limit is {MAX_VALUES}" in answer.json["error"]
