"""Bodies that are no messages, and workers that die."""

import asyncio
import sys
from pathlib import Path

import aiormq
import pytest
from pamqp.common import FieldTable
from tests.support.broker_samples import DeadLetterRecorder, Recorder, batch, dispatched
from tests.support.brokers import Brokers, raw_channel
from tests.support.eventually import eventually, until

from flowport_amqp.properties import PERSISTENT, TRANSIENT
from shared.broker.ports import ReplyUnroutable
from shared.broker.rabbitmq.client import publish_confirmed
from shared.broker.rabbitmq.clients import AmqpClient
from shared.contracts.messages import CancelRun, decode, encode

HOSTILE = (b"", b"\xff\xfe", b"{", b"[]", b'{"v":99,"message":{"type":"run.dispatched"}}', b'{"x":' + b"[" * 100_000)

WORKER = """
import asyncio, sys
from shared.broker.connect import open_broker
from tests.support.brokers import topology
from shared.broker.rabbitmq.clients import AmqpClient
from shared.broker.queue_topology import Policy

async def hold(delivery):
    print("held", flush=True)
    await asyncio.Event().wait()

async def main(url, prefix, client):
    broker = open_broker(url, service="victim", topology=topology(prefix, Policy()), client=AmqpClient(client))
    await broker.start()
    subscription = await broker.work.consume(f"{prefix}.work", hold, prefetch=5)
    inbox = await broker.replies.open_inbox(lambda batch: None, lambda: None)
    print(inbox.address, flush=True)
    await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_unreadable_bodies_are_stored_separately_and_block_no_queue(brokers: Brokers) -> None:
    broker = await brokers.open()
    recorder, dead = Recorder(), Recorder()
    await broker.work.consume(brokers.work, recorder, prefetch=2)
    await broker.work.consume(brokers.dead, dead, prefetch=2)
    dead_letters: list[bytes] = []
    async with raw_channel(brokers.url) as stranger:
        for body in HOSTILE:
            await publish_confirmed(stranger, body, routing_key=brokers.work, delivery_mode=PERSISTENT, mandatory=True)
        await broker.work.publish(brokers.work, dispatched())
        await eventually(lambda: recorder.deliveries)
        await stranger.consume(brokers.unreadable, lambda received: dead_letters.append(received.body), no_ack=True)
        await eventually(lambda: len(dead_letters) == len(HOSTILE))
    assert sorted(dead_letters) == sorted(HOSTILE)
    assert recorder.run_ids == ["run-0"]
    assert not dead.deliveries


async def publish_nested(url: str, queue: str) -> None:
    """Publish a good body with headers that are nested too deep for any reader."""
    headers: FieldTable = {}
    for _ in range(40):
        headers = {"deeper": headers}
    connection = await aiormq.connect(url)
    channel = await connection.channel()
    properties = aiormq.spec.Basic.Properties(headers=headers)
    await channel.basic_publish(encode(dispatched(1)), routing_key=queue, properties=properties)
    await connection.close()


async def test_deeply_nested_headers_keep_no_worker_from_its_messages(brokers: Brokers) -> None:
    broker = await brokers.open()
    recorder = Recorder()
    await broker.work.consume(brokers.work, recorder, prefetch=2)
    await publish_nested(brokers.url, brokers.work)
    await broker.work.publish(brokers.work, dispatched(2))
    await eventually(lambda: recorder.run_ids == ["run-1", "run-2"])


@pytest.mark.parametrize("client", [AmqpClient.NATIVE], scope="module")
async def test_headers_nested_without_end_make_a_dead_letter_unreadable(brokers: Brokers) -> None:
    """aio-pika reads headers of this depth. Much deeper ones end its connection at each delivery (ADR 1)."""
    broker = await brokers.open()
    dead, unreadable = DeadLetterRecorder(), Recorder()
    await broker.work.drain(brokers.dead, dead, prefetch=2)
    await broker.work.consume(brokers.unreadable, unreadable, prefetch=2)
    await publish_nested(brokers.url, brokers.dead)
    await broker.work.publish(brokers.dead, dispatched(2))
    await eventually(lambda: dead.letters and unreadable.deliveries)
    assert [decode(letter.body).message for letter in dead.letters] == [dispatched(2)]
    assert unreadable.run_ids == ["run-1"]


async def test_an_unreadable_reply_is_dropped_and_the_next_one_arrives(brokers: Brokers) -> None:
    broker = await brokers.open()
    received: list[object] = []
    inbox = await broker.replies.open_inbox(received.append, lambda: None)
    async with raw_channel(brokers.url) as stranger:
        for body in HOSTILE:
            await publish_confirmed(stranger, body, routing_key=inbox.address, delivery_mode=TRANSIENT, mandatory=True)
    await broker.replies.send(inbox.address, batch(), must_route=True)
    await eventually(lambda: received)
    assert received == [batch()]


async def test_an_unreadable_broadcast_is_dropped_and_the_next_one_is_received(brokers: Brokers) -> None:
    broker = await brokers.open()
    received: list[object] = []
    await broker.control.listen(received.append)
    exchange = brokers.topology.control_exchange
    async with raw_channel(brokers.url) as stranger:
        for body in (*HOSTILE, encode(batch())):
            await publish_confirmed(
                stranger, body, exchange=exchange, routing_key="", delivery_mode=TRANSIENT, mandatory=False
            )
    await broker.control.broadcast(CancelRun("run-0"))
    await eventually(lambda: received)
    assert received == [CancelRun("run-0")]


async def test_a_message_that_is_not_a_reply_is_dropped_as_well(brokers: Brokers) -> None:
    broker = await brokers.open()
    received: list[object] = []
    inbox = await broker.replies.open_inbox(received.append, lambda: None)
    async with raw_channel(brokers.url) as stranger:
        body = encode(dispatched())
        await publish_confirmed(stranger, body, routing_key=inbox.address, delivery_mode=TRANSIENT, mandatory=True)
    await broker.replies.send(inbox.address, batch(), must_route=True)
    await eventually(lambda: received)
    assert received == [batch()]


async def test_messages_of_a_killed_worker_go_to_another_and_its_inbox_disappears(
    brokers: Brokers, client: AmqpClient
) -> None:
    survivor = await brokers.open()
    prefix = brokers.work.removesuffix(".work")
    root = Path(__file__).parents[3]
    victim = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, brokers.url, prefix, client, stdout=asyncio.subprocess.PIPE, cwd=root
    )
    assert victim.stdout
    address = (await asyncio.wait_for(victim.stdout.readline(), 30)).decode().strip()
    await survivor.work.publish(brokers.work, dispatched())
    assert await asyncio.wait_for(victim.stdout.readline(), 30) == b"held\n"
    victim.kill()
    await victim.wait()
    recorder = Recorder()
    await survivor.work.consume(brokers.work, recorder, prefetch=1)
    await eventually(lambda: recorder.deliveries)
    assert recorder.deliveries[0].redelivered

    async def inbox_is_deleted() -> bool:
        try:
            await survivor.replies.send(address, batch(), must_route=True)
        except ReplyUnroutable:
            return True
        return False

    await until(inbox_is_deleted)
