"""Headers that the AMQP library cannot parse: the message leaves the queue, and its consumer continues."""

import struct

import pytest
from aiormq.abc import AbstractChannel
from pamqp.commands import Basic
from structlog.testing import capture_logs
from structlog.typing import EventDict
from tests.support.broker_samples import DeadLetterRecorder, Recorder, batch, dispatched
from tests.support.brokers import Brokers, collect_bodies, raw_channel
from tests.support.eventually import eventually

from shared.broker.rabbitmq.unreadable_headers import MAX_HEADER_BYTES
from shared.contracts.messages import CancelRun, encode

BACK_SECONDS = 10.0
HAS_HEADERS, HAS_DELIVERY_MODE = 1 << 13, 1 << 12


class Headers(Basic.Properties):
    """Properties with a table of headers that is already encoded."""

    def __init__(self, table: bytes) -> None:
        super().__init__()
        self.table = struct.pack(">I", len(table)) + table

    def marshal(self) -> bytes:
        return struct.pack(">H", HAS_HEADERS | HAS_DELIVERY_MODE) + self.table + b"\x02"


def field(name: bytes, value: bytes) -> bytes:
    return bytes((len(name),)) + name + value


def nested(levels: int) -> bytes:
    table = b""
    for _ in range(levels):
        table = field(b"a", b"F" + struct.pack(">I", len(table)) + table)
    return table


HOSTILE = {
    "shallow enough for the limit of bytes": nested(1_500),
    "nested": nested(3_000),
    "a name that is not UTF-8": field(b"\xff\xfe", b"t\x01"),
    "a large value": field(b"a", b"S" + struct.pack(">I", MAX_HEADER_BYTES) + b"x" * MAX_HEADER_BYTES),
}


@pytest.fixture(params=HOSTILE.values(), ids=list(HOSTILE))
def headers(request: pytest.FixtureRequest) -> Headers:
    """Headers of a kind that pamqp cannot read."""
    return Headers(request.param)


async def poison(channel: AbstractChannel, headers: Headers, queue: str = "", exchange: str = "") -> None:
    await channel.basic_publish(encode(dispatched(1)), exchange=exchange, routing_key=queue, properties=headers)


async def test_a_work_queue(brokers: Brokers, headers: Headers) -> None:
    """It passes through the dead letters, which cannot read it either, to the queue of unreadable messages."""
    broker, recorder, dead = await brokers.open(), Recorder(), DeadLetterRecorder()
    await broker.work.consume(brokers.work, recorder, prefetch=2)
    await broker.work.drain(brokers.dead, dead, prefetch=2)
    with capture_logs() as logs:
        async with raw_channel(brokers.url) as channel:
            await poison(channel, headers, brokers.work)
            await broker.work.publish(brokers.work, dispatched(2))
            await eventually(lambda: recorder.run_ids == ["run-2"], seconds=BACK_SECONDS)
            unreadable = await collect_bodies(channel, brokers.unreadable)
            await eventually(lambda: unreadable == [encode(dispatched(1))], seconds=BACK_SECONDS)
    assert unreadable_queues(logs) == [brokers.work, brokers.dead]
    assert not dead.letters


async def test_a_transient_queue(brokers: Brokers, headers: Headers) -> None:
    broker, recorder = await brokers.open(), Recorder()
    taking = await broker.work.consume(brokers.transient, recorder, prefetch=2, may_be_missing=True)
    await eventually(lambda: taking.is_consuming)
    with capture_logs() as logs:
        async with raw_channel(brokers.url) as channel:
            await poison(channel, headers, brokers.transient)
            await eventually(lambda: unreadable_queues(logs) == [brokers.transient], seconds=BACK_SECONDS)
        await broker.work.publish(brokers.transient, dispatched(2))
        await eventually(lambda: recorder.run_ids == ["run-2"], seconds=BACK_SECONDS)


async def test_a_reply_inbox(brokers: Brokers, headers: Headers) -> None:
    broker, received, losses = await brokers.open(), list[object](), list[None]()
    inbox = await broker.replies.open_inbox(received.append, lambda: losses.append(None))
    address = inbox.address
    with capture_logs() as logs:
        async with raw_channel(brokers.url) as channel:
            await poison(channel, headers, address)
        await broker.replies.send(address, batch(), must_route=True)
        await eventually(lambda: received == [batch()], seconds=BACK_SECONDS)
    assert unreadable_queues(logs) == [address]
    assert not losses


async def test_a_control_inbox(brokers: Brokers, headers: Headers) -> None:
    broker, received = await brokers.open(), list[object]()
    await broker.control.listen(received.append)
    with capture_logs() as logs:
        async with raw_channel(brokers.url) as channel:
            await poison(channel, headers, exchange=brokers.topology.control_exchange)
        await broker.control.broadcast(CancelRun("run-0"))
        await eventually(lambda: received == [CancelRun("run-0")], seconds=BACK_SECONDS)
    (queue,) = unreadable_queues(logs)
    assert queue.startswith(f"{brokers.topology.control_inbox.prefix}.")


def unreadable_queues(logs: list[EventDict]) -> list[str]:
    """Return the queues that the log names."""
    return [line["queue"] for line in logs if line["event"] == "message_headers_unreadable"]
