"""Bodies that are no messages, and workers that die."""

import asyncio
import sys
from pathlib import Path

from tests.support.broker_samples import Recorder, batch, dispatched
from tests.support.brokers import Brokers, collect_bodies, publish_raw, raw_channel
from tests.support.eventually import eventually, until

from shared.broker.ports import ReplyUnroutable
from shared.contracts.messages import CancelRun, encode

HOSTILE = (b"", b"\xff\xfe", b"{", b"[]", b'{"v":99,"message":{"type":"run.dispatched"}}', b'{"x":' + b"[" * 100_000)

WORKER = """
import asyncio, sys
from shared.broker.connect import open_broker
from tests.support.brokers import topology
from shared.broker.queue_topology import Policy

async def hold(delivery):
    print("held", flush=True)
    await asyncio.Event().wait()

async def main(url, prefix):
    broker = open_broker(url, service="victim", topology=topology(prefix, Policy()))
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
    async with raw_channel(brokers.url) as stranger:
        for body in HOSTILE:
            await publish_raw(stranger, body, brokers.work)
        await broker.work.publish(brokers.work, dispatched())
        await eventually(lambda: recorder.deliveries)
        dead_letters = await collect_bodies(stranger, brokers.unreadable)
        await eventually(lambda: len(dead_letters) == len(HOSTILE))
    assert sorted(dead_letters) == sorted(HOSTILE)
    assert recorder.run_ids == ["run-0"]
    assert not dead.deliveries


async def test_an_unreadable_reply_is_dropped_and_the_next_one_arrives(brokers: Brokers) -> None:
    broker = await brokers.open()
    received: list[object] = []
    inbox = await broker.replies.open_inbox(received.append, lambda: None)
    async with raw_channel(brokers.url) as stranger:
        for body in HOSTILE:
            await publish_raw(stranger, body, inbox.address)
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
            await publish_raw(stranger, body, exchange=exchange)
    await broker.control.broadcast(CancelRun("run-0"))
    await eventually(lambda: received)
    assert received == [CancelRun("run-0")]


async def test_a_message_that_is_not_a_reply_is_dropped_as_well(brokers: Brokers) -> None:
    broker = await brokers.open()
    received: list[object] = []
    inbox = await broker.replies.open_inbox(received.append, lambda: None)
    async with raw_channel(brokers.url) as stranger:
        await publish_raw(stranger, encode(dispatched()), inbox.address)
    await broker.replies.send(inbox.address, batch(), must_route=True)
    await eventually(lambda: received)
    assert received == [batch()]


async def test_messages_of_a_killed_worker_go_to_another_and_its_inbox_disappears(brokers: Brokers) -> None:
    survivor = await brokers.open()
    prefix = brokers.work.removesuffix(".work")
    root = Path(__file__).parents[3]
    victim = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, brokers.url, prefix, stdout=asyncio.subprocess.PIPE, cwd=root
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
