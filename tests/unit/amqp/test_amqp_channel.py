"""What is asked of a channel, against a peer that answers it in its own way."""

import asyncio
from contextlib import suppress

import pytest
from tests.support.eventually import eventually
from tests.support.left_behind import without_collections
from tests.unit.amqp.client import connected, open_channel, publish, say_goodbye
from tests.unit.amqp.fake_peer import Peer, playing

from flowport_amqp import methods
from flowport_amqp.channel import Channel
from flowport_amqp.errors import (
    AmqpError,
    Blocked,
    CallTimeout,
    ChannelClosed,
    ConfirmTimeout,
    ConsumerCancelled,
    Refused,
    Returned,
)
from flowport_amqp.wire import long_string, short_string


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


async def test_whoever_is_refused_leaves_memory_at_once_although_the_channel_is_there() -> None:
    class Run:
        pass

    async def script(peer: Peer) -> None:
        await peer.shake_hands()
        await peer.open_channel()
        await peer.published()
        peer.confirm(1, method=methods.BASIC_NACK)
        await say_goodbye(peer)

    async def send(channel: Channel, run: Run) -> None:
        with suppress(AmqpError):
            await publish(channel)

    async with playing(script) as port, connected(port) as connection:
        channel = await open_channel(connection)
        with without_collections() as remains:
            await send(channel, Run())
            await asyncio.sleep(0)
            assert remains.of(Run) == []
            await connection.close()
            await send(channel, Run())
            assert remains.of(Run) == []


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


async def test_a_call_that_was_given_up_spoils_its_channel_since_its_answer_may_still_come() -> None:
    asked = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.shake_hands()
        await peer.open_channel()
        await peer.expect(methods.QUEUE_DECLARE)
        asked.set()
        await say_goodbye(peer)

    async with playing(script) as port, connected(port) as connection:
        channel = await open_channel(connection)
        hasty = asyncio.create_task(channel.declare_queue("queue", {}))
        await asked.wait()
        hasty.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hasty
        with pytest.raises(ChannelClosed, match="given up"):
            await channel.declare_queue("queue", {})
        assert not connection.closed.done()


async def test_an_answer_that_comes_twice_is_taken_once() -> None:
    async def script(peer: Peer) -> None:
        await peer.shake_hands()
        await peer.open_channel()
        for _ in range(2):
            await peer.expect(methods.BASIC_QOS)
            for _ in range(2):
                peer.send(methods.bare(methods.BASIC_QOS_OK), channel=1)
        await say_goodbye(peer)

    async with playing(script) as port, connected(port) as connection:
        channel = await open_channel(connection)
        for _ in range(2):
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


async def test_the_number_of_a_channel_that_was_given_up_is_free_once_the_broker_has_ended_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("flowport_amqp.channel.CLOSE_SECONDS", 0.05)

    async def script(peer: Peer) -> None:
        await peer.shake_hands()
        await peer.open_channel()
        await peer.expect(methods.QUEUE_DECLARE)  # and no answer
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
        await say_goodbye(peer)

    async with playing(script) as port, connected(port, limit=1) as connection:
        channel = await open_channel(connection)
        with pytest.raises(CallTimeout):
            await channel.declare_queue("silent", {})
        await channel.close()
        assert (await connection.open_channel()).number == 2
        await eventually(lambda: 1 not in connection._channels)
        assert (await connection.open_channel()).number == 1


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
        assert isinstance(await asyncio.wait_for(channel.wait_closed(), 30), ConsumerCancelled)
        assert not connection.closed.done()


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
