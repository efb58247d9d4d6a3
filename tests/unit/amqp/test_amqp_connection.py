"""Connections, against a misbehaving peer."""

import asyncio

import pytest
from tests.support.amqp.client import accept_close, open_channel, open_connection, publish
from tests.support.amqp.fake_peer import Peer, address, run_peer, tune
from tests.support.eventually import PATIENCE_SECONDS

from flowport_amqp import methods
from flowport_amqp.connection import Connection
from flowport_amqp.errors import (
    CallTimeout,
    ConfirmTimeout,
    ConnectionClosed,
    ProtocolError,
)
from flowport_amqp.frames import BODY, HEARTBEAT, METHOD, frame
from flowport_amqp.output import WRITE_BUFFER_BYTES
from flowport_amqp.wire import short_string

CLOSE = methods.bare(methods.CONNECTION_CLOSE) + (320).to_bytes(2, "big") + short_string("shutting down") + b"\0\0\0\0"


async def test_a_connection_closes_in_order() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept_connection()
        await accept_close(peer)

    async with run_peer(script) as port, open_connection(port) as connection:
        assert not connection.closed.done()


async def test_the_smaller_limits_apply() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept_connection(tune(frame_max=4096, channel_max=1, heartbeat=3))
        await peer.expect(methods.CHANNEL_OPEN)
        peer.send(methods.bare(methods.CHANNEL_OPEN_OK) + b"\0\0\0\0", channel=1)
        await peer.next_published_body()
        assert max(len(payload) for kind, _, payload in peer.seen if kind == BODY) <= 4088
        await accept_close(peer)

    async with run_peer(script) as port, open_connection(port, heartbeat=10) as connection:
        channel = await connection.open_channel()
        await channel.publish(b"x" * 20_000, lambda error: None, routing_key="queue")
        with pytest.raises(ConnectionClosed, match="channels"):
            await connection.open_channel()


@pytest.mark.parametrize("is_cancelled", [True, False], ids=["cancelled", "timed out"])
async def test_a_channel_that_was_not_opened_frees_its_number(is_cancelled: bool) -> None:
    requested = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.accept_connection(tune(channel_max=1))
        await peer.expect(methods.CHANNEL_OPEN)
        requested.set()
        await peer.expect(methods.CHANNEL_CLOSE)
        peer.send(methods.bare(methods.CHANNEL_OPEN_OK) + b"\0\0\0\0", channel=1)  # too late
        peer.send(methods.bare(methods.CHANNEL_CLOSE_OK), channel=1)
        await peer.expect(methods.CHANNEL_OPEN)
        peer.send(methods.bare(methods.CHANNEL_OPEN_OK) + b"\0\0\0\0", channel=1)
        await accept_close(peer)

    async with run_peer(script) as port, open_connection(port, limit=2) as connection:
        opening = asyncio.create_task(connection.open_channel())
        await requested.wait()
        if is_cancelled:
            opening.cancel()
        with pytest.raises(asyncio.CancelledError if is_cancelled else CallTimeout):
            await opening
        with pytest.raises(ConnectionClosed, match="channels"):  # until the broker confirms the end
            await connection.open_channel()
        await asyncio.wait_for(open_when_free(connection), PATIENCE_SECONDS)


async def open_when_free(connection: Connection) -> None:
    while True:
        try:
            await connection.open_channel()
        except ConnectionClosed:
            await asyncio.sleep(0.01)
        else:
            return


@pytest.mark.parametrize(
    "greeting",
    [
        b"AMQP\x00\x00\x09\x01" * 4,
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x01\0\0\xff\xff\xff\xff" + b"\0" * 100,
        frame(METHOD, 0, methods.bare(methods.CONNECTION_START) + b"\0\x09\0\0\0\x09\x01aF\xff\xff\xff\xff"),
        frame(99, 0, b""),
        b"",
    ],
)
async def test_a_peer_that_is_not_a_broker_is_disconnected(greeting: bytes) -> None:
    async def script(peer: Peer) -> None:
        peer.send_raw(greeting)
        await peer.writer.drain()

    async with run_peer(script) as port:
        with pytest.raises(ConnectionClosed):
            await Connection.open(address(port), name="test", heartbeat=0, timeout=2)


async def test_a_handshake_without_response_times_out() -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.read()

    async with run_peer(script) as port:
        with pytest.raises(ConnectionClosed, match=r"timed out|did not respond"):
            await Connection.open(address(port), name="test", heartbeat=0, timeout=0.1)


async def test_a_silent_peer_is_disconnected_after_two_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    beats: list[int] = []

    async def script(peer: Peer) -> None:
        await peer.accept_connection(tune(heartbeat=1))
        try:
            while True:
                kind, _, _ = await peer.next_frame()
                beats.append(kind)
        except ConnectionResetError:
            return

    async with run_peer(script) as port:
        connection = await Connection.open(address(port), name="test", heartbeat=1, timeout=PATIENCE_SECONDS)
        reason = await asyncio.wait_for(connection.wait_closed(), 30)
        assert "no data" in str(reason)
    assert beats.count(HEARTBEAT) >= 2


async def test_heartbeats_keep_a_connection_open() -> None:
    enough = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.accept_connection(tune(heartbeat=1))
        beating = asyncio.create_task(beat(peer))
        await enough.wait()
        beating.cancel()
        await accept_close(peer)

    async def beat(peer: Peer) -> None:
        while True:
            peer.send_heartbeat()
            await asyncio.sleep(0.5)

    async with run_peer(script) as port, open_connection(port, heartbeat=1) as connection:
        await asyncio.sleep(2.8)  # longer than the timeout of a silent peer
        assert not connection.closed.done()
        enough.set()


async def test_connection_close_fails_all_pending_calls() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept_connection()
        await peer.open_channel()
        await peer.next_published_body()
        await peer.expect(methods.BASIC_QOS)
        peer.send(CLOSE)
        await peer.expect(methods.CONNECTION_CLOSE_OK)

    async with run_peer(script) as port, open_connection(port) as connection:
        channel = await open_channel(connection)
        outcomes = await asyncio.gather(publish(channel), channel.set_prefetch(1), return_exceptions=True)
        assert all(isinstance(outcome, ConnectionClosed) for outcome in outcomes)
        assert "320 shutting down" in str(connection.closed.result())
        with pytest.raises(ConnectionClosed):
            await publish(channel)
        with pytest.raises(ConnectionClosed):
            await connection.open_channel()
        channel.ack(1)


@pytest.mark.parametrize(
    "hostile",
    [
        frame(BODY, 1, b"a body of nothing"),
        frame(METHOD, 1, methods.bare(methods.BASIC_ACK) + (7).to_bytes(8, "big") + b"\0"),
        frame(METHOD, 1, methods.bare(methods.BASIC_ACK) + b"\0"),
        frame(METHOD, 1, methods.bare(methods.BASIC_DELIVER) + b"\xff"),
        frame(METHOD, 1, b"\0"),
        frame(METHOD, 0, b""),
        frame(7, 1, b""),
        b"\x01\0\x01\x7f\xff\xff\xff",
    ],
)
async def test_a_protocol_violation_ends_the_connection(hostile: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept_connection()
        await peer.open_channel()
        peer.send_raw(hostile)
        if hostile[7:11] == methods.bare(methods.BASIC_DELIVER):
            peer.send(methods.content_header(0, b"\0\0"), channel=1, kind=2)
        await peer.reader.read()

    async with run_peer(script) as port:
        connection = await Connection.open(address(port), name="test", heartbeat=0, timeout=2)
        await open_channel(connection)
        assert isinstance(await asyncio.wait_for(connection.wait_closed(), 30), ProtocolError)


async def test_a_slow_reader_blocks_publishers_with_bounded_memory() -> None:
    resume = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.accept_connection()
        await peer.open_channel()
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await resume.wait()
        peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
        await peer.reader.read()

    async with run_peer(script) as port:
        connection = await Connection.open(address(port), name="test", heartbeat=0, timeout=2)
        channel = await open_channel(connection)
        body = b"x" * 100_000
        sent = 0
        with pytest.raises(ConfirmTimeout, match="read nothing"):
            for _ in range(1000):
                await channel.publish(body, lambda error: None, routing_key="queue")
                sent += 1
                await asyncio.sleep(0)
        assert connection.output.is_congested
        assert connection._transport
        assert connection._transport.get_write_buffer_size() < WRITE_BUFFER_BYTES + 4 * len(body)
        resume.set()
        await connection.close()
