"""Channels, against a scripted peer."""

import asyncio
from contextlib import suppress

import pytest
from tests.support.amqp.client import accept_close, open_channel, open_connection, publish
from tests.support.amqp.fake_peer import Peer, run_peer
from tests.support.eventually import eventually
from tests.support.left_behind import without_collections

from flowport_amqp import methods
from flowport_amqp.channel import Channel
from flowport_amqp.errors import (
    AmqpError,
    CallTimeout,
    ChannelClosed,
    ConfirmTimeout,
    ConsumerCancelled,
    PublishBlocked,
    PublishRefused,
    PublishReturned,
)
from flowport_amqp.wire import long_string, short_string


async def test_acks_nacks_and_returns_settle_their_publish() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept_connection()
        await peer.open_channel()
        for _ in range(3):
            await peer.next_published_body()
        peer.confirm(2, method=methods.BASIC_NACK)
        back = methods.bare(methods.BASIC_RETURN) + (312).to_bytes(2, "big") + short_string("NO_ROUTE")
        peer.send(back + short_string("") + short_string("queue"), channel=1)
        header = (1 << 7).to_bytes(2, "big") + short_string("3")
        peer.send(methods.content_header(0, header), channel=1, kind=2)
        peer.confirm(3, multiple=True)
        await accept_close(peer)

    async with run_peer(script) as port, open_connection(port) as connection:
        channel = await open_channel(connection)
        outcomes = await asyncio.gather(
            publish(channel), publish(channel), publish(channel, mandatory=True), return_exceptions=True
        )
        assert outcomes[0] is None
        assert isinstance(outcomes[1], PublishRefused)
        assert isinstance(outcomes[2], PublishReturned)


async def test_the_error_of_a_closed_channel_does_not_accumulate_tracebacks() -> None:
    class Run:
        pass

    async def script(peer: Peer) -> None:
        await peer.accept_connection()
        await peer.open_channel()
        await peer.next_published_body()
        peer.confirm(1, method=methods.BASIC_NACK)
        await accept_close(peer)

    async def send(channel: Channel, run: Run) -> None:
        with suppress(AmqpError):
            await publish(channel)

    async with run_peer(script) as port, open_connection(port) as connection:
        channel = await open_channel(connection)
        with without_collections() as remains:
            await send(channel, Run())
            await asyncio.sleep(0)
            assert remains.of(Run) == []
            await connection.close()
            await send(channel, Run())
            assert remains.of(Run) == []


async def test_a_missing_confirm_times_out() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept_connection()
        await peer.open_channel()
        await peer.next_published_body()
        await accept_close(peer)

    async with run_peer(script) as port, open_connection(port, limit=1) as connection:
        channel = await open_channel(connection)
        with pytest.raises(ConfirmTimeout):
            await publish(channel)


async def test_a_call_without_response_ends_its_channel_only() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept_connection()
        await peer.open_channel()
        await peer.expect(methods.BASIC_QOS)
        await accept_close(peer)

    async with run_peer(script) as port, open_connection(port, limit=1) as connection:
        channel = await open_channel(connection)
        with pytest.raises(CallTimeout):
            await channel.set_prefetch(1)
        with pytest.raises(CallTimeout):
            await channel.set_prefetch(1)
        assert not connection.closed.done()


async def test_a_cancelled_call_makes_its_channel_unusable() -> None:
    requested = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.accept_connection()
        await peer.open_channel()
        await peer.expect(methods.QUEUE_DECLARE)
        requested.set()
        await accept_close(peer)

    async with run_peer(script) as port, open_connection(port) as connection:
        channel = await open_channel(connection)
        hasty = asyncio.create_task(channel.declare_queue("queue", {}))
        await requested.wait()
        hasty.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hasty
        with pytest.raises(ChannelClosed, match="cancelled"):
            await channel.declare_queue("queue", {})
        assert not connection.closed.done()


async def test_a_repeated_response_is_ignored() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept_connection()
        await peer.open_channel()
        for _ in range(2):
            await peer.expect(methods.BASIC_QOS)
            for _ in range(2):
                peer.send(methods.bare(methods.BASIC_QOS_OK), channel=1)
        await accept_close(peer)

    async with run_peer(script) as port, open_connection(port) as connection:
        channel = await open_channel(connection)
        for _ in range(2):
            await channel.set_prefetch(1)
        assert not connection.closed.done()


async def test_an_alarm_fails_pending_and_new_publishes_until_it_ends() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept_connection()
        await peer.open_channel()
        await peer.next_published_body()
        peer.send(methods.bare(methods.CONNECTION_BLOCKED) + short_string("low on memory"))
        await asyncio.sleep(0.1)
        peer.confirm(1)
        peer.send(methods.bare(methods.CONNECTION_UNBLOCKED))
        await peer.next_published_body()
        peer.confirm(2)
        await accept_close(peer)

    async with run_peer(script) as port, open_connection(port) as connection:
        channel = await open_channel(connection)
        for _ in range(2):
            with pytest.raises(PublishBlocked, match="blocks publishers: low on memory"):
                await publish(channel)
        await eventually(lambda: not connection.alarm)
        await publish(channel)


async def test_a_rejected_call_closes_the_channel_and_frees_its_number() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept_connection()
        await peer.open_channel()
        await peer.expect(methods.QUEUE_DECLARE)
        refusal = (406).to_bytes(2, "big") + short_string("PRECONDITION_FAILED") + b"\0\0\0\0"
        peer.send(methods.bare(methods.CHANNEL_CLOSE) + refusal, channel=1)
        await peer.expect(methods.CHANNEL_CLOSE_OK)
        await peer.open_channel()
        await accept_close(peer)

    async with run_peer(script) as port, open_connection(port) as connection:
        channel = await open_channel(connection)
        with pytest.raises(ChannelClosed, match="PRECONDITION_FAILED") as refused:
            await channel.declare_queue("queue", {})
        assert refused.value.code == 406
        assert (await open_channel(connection)).number == channel.number


async def test_the_number_of_an_abandoned_channel_is_freed_by_the_broker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("flowport_amqp.channel.CLOSE_SECONDS", 0.05)

    async def script(peer: Peer) -> None:
        await peer.accept_connection()
        await peer.open_channel()
        await peer.expect(methods.QUEUE_DECLARE)  # no response
        await peer.expect(methods.CHANNEL_CLOSE)
        await peer.expect(methods.CHANNEL_OPEN)
        assert peer.seen[-1][1] == 2
        peer.send(methods.bare(methods.CHANNEL_OPEN_OK) + long_string(b""), channel=2)
        late = (404).to_bytes(2, "big") + short_string("NOT_FOUND - in the end") + b"\0\0\0\0"
        peer.send(methods.bare(methods.CHANNEL_CLOSE) + late, channel=1)
        await peer.expect(methods.CHANNEL_CLOSE_OK)
        await peer.expect(methods.CHANNEL_OPEN)
        assert peer.seen[-1][1] == 1
        peer.send(methods.bare(methods.CHANNEL_OPEN_OK) + long_string(b""), channel=1)
        await accept_close(peer)

    async with run_peer(script) as port, open_connection(port, limit=1) as connection:
        channel = await open_channel(connection)
        with pytest.raises(CallTimeout):
            await channel.declare_queue("silent", {})
        await channel.close()
        assert (await connection.open_channel()).number == 2
        await eventually(lambda: 1 not in connection._channels)
        assert (await connection.open_channel()).number == 1


async def test_deliveries_arrive_in_order_and_foreign_consumers_are_ignored() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept_connection()
        await peer.open_channel()
        await peer.expect(methods.BASIC_CONSUME)
        peer.send(methods.bare(methods.BASIC_CONSUME_OK) + short_string("1.0"), channel=1)
        peer.deliver(b"stray", consumer="nobody's")
        for tag in range(3):
            peer.deliver(b"x" * tag, tag=tag)
        await accept_close(peer)

    async with run_peer(script) as port, open_connection(port) as connection:
        channel = await open_channel(connection)
        received: list[tuple[int, bytes]] = []
        await channel.consume("queue", lambda got: received.append((got.tag, got.body)), no_ack=True)
        await eventually(lambda: len(received) == 3)
        assert received == [(0, b""), (1, b"x"), (2, b"xx")]


async def test_a_cancelled_consumer_closes_its_channel() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept_connection()
        await peer.open_channel()
        peer.send(methods.bare(methods.BASIC_CANCEL) + short_string("1.0") + b"\1", channel=1)
        await peer.expect(methods.CHANNEL_CLOSE)
        peer.send(methods.bare(methods.CHANNEL_CLOSE_OK), channel=1)
        await accept_close(peer)

    async with run_peer(script) as port, open_connection(port) as connection:
        channel = await open_channel(connection)
        assert isinstance(await asyncio.wait_for(channel.wait_closed(), 30), ConsumerCancelled)
        assert not connection.closed.done()


async def test_one_event_loop_turn_is_one_write() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept_connection()
        await peer.open_channel()
        first = await peer.reader.read(65536)
        assert first.count(b"body") == 50
        peer.confirm(50, multiple=True)
        await accept_close(peer)

    async with run_peer(script) as port, open_connection(port) as connection:
        channel = await open_channel(connection)
        await asyncio.gather(*(publish(channel) for _ in range(50)))
