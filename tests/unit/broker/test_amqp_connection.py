"""A connection against a peer that does what no well-behaved broker does."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.support.eventually import eventually
from tests.unit.broker.fake_peer import Peer, address, playing, tune

from shared.broker.amqp import address as addresses
from shared.broker.amqp import methods
from shared.broker.amqp.channel import Channel, publish_confirmed
from shared.broker.amqp.connection import Connection
from shared.broker.amqp.errors import (
    Blocked,
    CallTimeout,
    ChannelClosed,
    ConfirmTimeout,
    ConnectionClosed,
    ProtocolError,
    Refused,
    Returned,
)
from shared.broker.amqp.frames import BODY, HEARTBEAT, METHOD, frame
from shared.broker.amqp.output import WRITE_BUFFER_BYTES
from shared.broker.amqp.wire import short_string

CLOSE = methods.bare(methods.CONNECTION_CLOSE) + (320).to_bytes(2, "big") + short_string("shutting down") + b"\0\0\0\0"


@asynccontextmanager
async def connected(port: int, *, limit: float = 5, heartbeat: int = 0) -> AsyncIterator[Connection]:
    connection = await Connection.open(address(port), name="test", heartbeat=heartbeat, timeout=limit)
    try:
        yield connection
    finally:
        await connection.close()


async def open_channel(connection: Connection) -> Channel:
    channel = await connection.open_channel()
    await channel.select_confirms()
    return channel


async def say_goodbye(peer: Peer) -> None:
    await peer.expect(methods.CONNECTION_CLOSE)
    peer.send(methods.bare(methods.CONNECTION_CLOSE_OK))


async def publish(channel: Channel, body: bytes = b"body", *, mandatory: bool = False) -> None:
    await publish_confirmed(channel, body, routing_key="queue", delivery_mode=1, mandatory=mandatory)


async def test_both_sides_close_in_order() -> None:
    async def script(peer: Peer) -> None:
        await peer.shake_hands()
        await say_goodbye(peer)

    async with playing(script) as port, connected(port) as connection:
        assert not connection.closed.done()


async def test_the_smaller_limits_win() -> None:
    async def script(peer: Peer) -> None:
        await peer.shake_hands(tune(frame_max=4096, channel_max=1, heartbeat=3))
        await peer.expect(methods.CHANNEL_OPEN)
        peer.send(methods.bare(methods.CHANNEL_OPEN_OK) + b"\0\0\0\0", channel=1)
        await peer.published()
        assert max(len(payload) for kind, _, payload in peer.seen if kind == BODY) <= 4088
        await say_goodbye(peer)

    async with playing(script) as port, connected(port, heartbeat=10) as connection:
        channel = await connection.open_channel()
        await channel.publish(b"x" * 20_000, lambda error: None, routing_key="queue")
        with pytest.raises(ConnectionClosed, match="channels"):
            await connection.open_channel()


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
async def test_a_peer_that_is_no_broker_is_left(greeting: bytes) -> None:
    async def script(peer: Peer) -> None:
        peer.send_raw(greeting)
        await peer.writer.drain()

    async with playing(script) as port:
        with pytest.raises(ConnectionClosed):
            await Connection.open(address(port), name="test", heartbeat=0, timeout=2)


async def test_a_peer_that_says_nothing_is_left_in_time() -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.read()

    async with playing(script) as port:
        with pytest.raises(ConnectionClosed, match=r"in time|did not answer"):
            await Connection.open(address(port), name="test", heartbeat=0, timeout=0.1)


async def test_a_silent_peer_counts_as_dead_after_two_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    beats: list[int] = []

    async def script(peer: Peer) -> None:
        await peer.shake_hands(tune(heartbeat=1))
        try:
            while True:
                kind, _, _ = await peer.next_frame()
                beats.append(kind)
        except ConnectionResetError:
            return

    async with playing(script) as port:
        connection = await Connection.open(address(port), name="test", heartbeat=1, timeout=5)
        reason = await asyncio.wait_for(connection.wait_closed(), 30)
        assert "silent" in str(reason)
    assert beats.count(HEARTBEAT) >= 2


async def test_a_peer_that_only_beats_is_alive() -> None:
    async def script(peer: Peer) -> None:
        await peer.shake_hands(tune(heartbeat=1))
        for _ in range(6):
            await asyncio.sleep(0.5)
            peer.beat()
        await say_goodbye(peer)

    async with playing(script) as port, connected(port, heartbeat=1) as connection:
        await asyncio.sleep(2.8)
        assert not connection.closed.done()


async def test_confirms_refusals_and_returns_reach_their_publish() -> None:
    async def script(peer: Peer) -> None:
        await peer.shake_hands()
        await peer.open_channel()
        for _ in range(3):
            await peer.published()
        peer.confirm(2, method=methods.BASIC_NACK)
        back = methods.bare(methods.BASIC_RETURN) + (312).to_bytes(2, "big") + short_string("NO_ROUTE")
        peer.send(back + short_string("") + short_string("queue"), channel=1)
        header = (1 << 7).to_bytes(2, "big") + short_string("3")
        peer.send(methods.content_header(0, header), channel=1, kind=2)
        peer.confirm(3, multiple=True)
        await say_goodbye(peer)

    async with playing(script) as port, connected(port) as connection:
        channel = await open_channel(connection)
        outcomes = await asyncio.gather(
            publish(channel), publish(channel), publish(channel, mandatory=True), return_exceptions=True
        )
        assert outcomes[0] is None
        assert isinstance(outcomes[1], Refused)
        assert isinstance(outcomes[2], Returned)


async def test_a_confirm_that_does_not_come_is_a_time_out_and_no_hang() -> None:
    async def script(peer: Peer) -> None:
        await peer.shake_hands()
        await peer.open_channel()
        await peer.published()
        await say_goodbye(peer)

    async with playing(script) as port, connected(port, limit=1) as connection:
        channel = await open_channel(connection)
        with pytest.raises(ConfirmTimeout):
            await publish(channel)


async def test_a_call_that_is_not_answered_spoils_its_channel_only() -> None:
    async def script(peer: Peer) -> None:
        await peer.shake_hands()
        await peer.open_channel()
        await peer.expect(methods.BASIC_QOS)
        await say_goodbye(peer)

    async with playing(script) as port, connected(port, limit=1) as connection:
        channel = await open_channel(connection)
        with pytest.raises(CallTimeout):
            await channel.set_prefetch(1)
        with pytest.raises(CallTimeout):
            await channel.set_prefetch(1)
        assert not connection.closed.done()


async def test_an_alarm_fails_what_is_unconfirmed_and_what_comes_and_ends_by_itself() -> None:
    async def script(peer: Peer) -> None:
        await peer.shake_hands()
        await peer.open_channel()
        await peer.published()
        peer.send(methods.bare(methods.CONNECTION_BLOCKED) + short_string("low on memory"))
        await asyncio.sleep(0.1)
        peer.confirm(1)
        peer.send(methods.bare(methods.CONNECTION_UNBLOCKED))
        await peer.published()
        peer.confirm(2)
        await say_goodbye(peer)

    async with playing(script) as port, connected(port) as connection:
        channel = await open_channel(connection)
        for _ in range(2):
            with pytest.raises(Blocked, match="takes no messages now: low on memory"):
                await publish(channel)
        await eventually(lambda: not connection.alarm)
        await publish(channel)


async def test_the_peer_s_close_ends_everything_that_waits() -> None:
    async def script(peer: Peer) -> None:
        await peer.shake_hands()
        await peer.open_channel()
        await peer.published()
        await peer.expect(methods.BASIC_QOS)
        peer.send(CLOSE)
        await peer.expect(methods.CONNECTION_CLOSE_OK)

    async with playing(script) as port, connected(port) as connection:
        channel = await open_channel(connection)
        outcomes = await asyncio.gather(publish(channel), channel.set_prefetch(1), return_exceptions=True)
        assert all(isinstance(outcome, ConnectionClosed) for outcome in outcomes)
        assert "320 shutting down" in str(connection.closed.result())
        with pytest.raises(ConnectionClosed):
            await publish(channel)
        with pytest.raises(ConnectionClosed):
            await connection.open_channel()
        channel.ack(1)


async def test_a_refused_call_costs_the_channel_and_its_number_is_free_again() -> None:
    async def script(peer: Peer) -> None:
        await peer.shake_hands()
        await peer.open_channel()
        await peer.expect(methods.QUEUE_DECLARE)
        refusal = (406).to_bytes(2, "big") + short_string("PRECONDITION_FAILED") + b"\0\0\0\0"
        peer.send(methods.bare(methods.CHANNEL_CLOSE) + refusal, channel=1)
        await peer.expect(methods.CHANNEL_CLOSE_OK)
        await peer.open_channel()
        await say_goodbye(peer)

    async with playing(script) as port, connected(port) as connection:
        channel = await open_channel(connection)
        with pytest.raises(ChannelClosed, match="PRECONDITION_FAILED") as refused:
            await channel.declare_queue("queue", {})
        assert refused.value.code == 406
        assert (await open_channel(connection)).number == channel.number


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
async def test_a_peer_that_breaks_the_protocol_is_left(hostile: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.shake_hands()
        await peer.open_channel()
        peer.send_raw(hostile)
        if hostile[7:11] == methods.bare(methods.BASIC_DELIVER):
            peer.send(methods.content_header(0, b"\0\0"), channel=1, kind=2)
        await peer.reader.read()

    async with playing(script) as port:
        connection = await Connection.open(address(port), name="test", heartbeat=0, timeout=2)
        await open_channel(connection)
        assert isinstance(await asyncio.wait_for(connection.wait_closed(), 30), ProtocolError)


async def test_deliveries_arrive_in_order_and_foreign_consumers_are_ignored() -> None:
    async def script(peer: Peer) -> None:
        await peer.shake_hands()
        await peer.open_channel()
        await peer.expect(methods.BASIC_CONSUME)
        peer.send(methods.bare(methods.BASIC_CONSUME_OK) + short_string("1.0"), channel=1)
        peer.deliver(b"stray", consumer="nobody's")
        for tag in range(3):
            peer.deliver(b"x" * tag, tag=tag)
        await say_goodbye(peer)

    async with playing(script) as port, connected(port) as connection:
        channel = await open_channel(connection)
        received: list[tuple[int, bytes]] = []
        await channel.consume("queue", lambda got: received.append((got.tag, got.body)), no_ack=True)
        await eventually(lambda: len(received) == 3)
        assert received == [(0, b""), (1, b"x"), (2, b"xx")]


async def test_a_consumer_that_the_broker_cancels_loses_its_channel() -> None:
    async def script(peer: Peer) -> None:
        await peer.shake_hands()
        await peer.open_channel()
        peer.send(methods.bare(methods.BASIC_CANCEL) + short_string("1.0") + b"\1", channel=1)
        await peer.expect(methods.CHANNEL_CLOSE)
        peer.send(methods.bare(methods.CHANNEL_CLOSE_OK), channel=1)
        await say_goodbye(peer)

    async with playing(script) as port, connected(port) as connection:
        channel = await open_channel(connection)
        assert isinstance(await asyncio.wait_for(channel.wait_closed(), 30), ChannelClosed)
        assert not connection.closed.done()


async def test_a_peer_that_reads_slowly_holds_back_the_writer_and_its_memory() -> None:
    resume = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.shake_hands()
        await peer.open_channel()
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await resume.wait()
        peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
        await peer.reader.read()

    async with playing(script) as port:
        connection = await Connection.open(address(port), name="test", heartbeat=0, timeout=2)
        channel = await open_channel(connection)
        body = b"x" * 100_000
        sent = 0
        with pytest.raises(ConfirmTimeout, match="took nothing"):
            for _ in range(1000):
                await channel.publish(body, lambda error: None, routing_key="queue")
                sent += 1
                await asyncio.sleep(0)
        assert connection.output.is_congested
        assert connection._transport
        assert connection._transport.get_write_buffer_size() < WRITE_BUFFER_BYTES + 4 * len(body)
        resume.set()
        await connection.close()


async def test_what_one_turn_of_the_loop_publishes_is_written_at_once() -> None:
    async def script(peer: Peer) -> None:
        await peer.shake_hands()
        await peer.open_channel()
        first = await peer.reader.read(65536)
        assert first.count(b"body") == 50
        peer.confirm(50, multiple=True)
        await say_goodbye(peer)

    async with playing(script) as port, connected(port) as connection:
        channel = await open_channel(connection)
        await asyncio.gather(*(publish(channel) for _ in range(50)))


def certificate(directory: Path, host: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = directory / "certificate.pem", directory / "key.pem"
    certificate_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    encoding = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    key_file.write_bytes(key.private_bytes(*encoding))
    return certificate_file, key_file


@pytest.mark.parametrize(("host", "accepted"), [("localhost", True), ("somebody.else", False)])
async def test_over_tls_only_the_right_broker_is_talked_to(tmp_path: Path, host: str, accepted: bool) -> None:
    async def script(peer: Peer) -> None:
        await peer.shake_hands()
        await say_goodbye(peer)

    certificate_file, key_file = certificate(tmp_path, host)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate_file, key_file)
    async with playing(script, tls=tls) as port:
        target = addresses.parse(f"amqps://user:secret@localhost:{port}/?cacertfile={certificate_file}")
        if accepted:
            connection = await Connection.open(target, name="test", heartbeat=0, timeout=5)
            await connection.close()
        else:
            with pytest.raises(ConnectionClosed, match="CERTIFICATE_VERIFY_FAILED"):
                await Connection.open(target, name="test", heartbeat=0, timeout=5)
