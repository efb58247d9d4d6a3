"""Echo throughput of aio-pika, aiormq and flowport_amqp (ADR 1).

A caller publishes persistent, confirmed requests to a quorum queue. A worker in another process replies to the caller's
exclusive queue and acknowledges the request. The last rows measure the broker port, with messages, expiration and
confirmed replies. All processes share the machine: compare ratios only.

    python -m benchmarks.broker_clients [--url amqp://…] [--seconds 3]
"""

import argparse
import asyncio
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from uuid import uuid4

import aio_pika
import aiormq
import uvloop
from aiormq.abc import DeliveredMessage

from flowport.servers.rabbitmq import RabbitMQServer
from flowport_amqp.address import parse
from flowport_amqp.channel import Channel
from flowport_amqp.connection import Connection
from flowport_amqp.content import Received
from flowport_amqp.properties import PERSISTENT
from shared.broker.connect import open_broker
from shared.broker.ports import Broker, Delivery, Settlement
from shared.broker.rabbitmq.client import publish_confirmed
from shared.broker.topology import LONGEST_RUN_SECONDS, MIB, Queue, default_topology
from shared.contracts.events import Chunk
from shared.contracts.messages import AttachedRunRequested, EventBatch, to_json
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunMode, RunSpec, SnapshotRef

QUORUM: Final = {"x-queue-type": "quorum"}
IN_FLIGHT: Final = (1, 32, 64)
PREFETCH: Final = 128
BODY: Final = b"x" * 600
WARM_UP_SECONDS: Final = 0.5

Call = Callable[[], Awaitable[None]]
"""One round trip."""


class Replies:
    """Pending calls. The first 16 bytes of a body identify the call, the next 64 are the reply address."""

    def __init__(self) -> None:
        self.address = f"bench.replies.{uuid4().hex}"
        self._waiting: dict[bytes, asyncio.Future[None]] = {}

    def echo_through(self, publish: Callable[[bytes], Awaitable[None]]) -> Call:
        """Return a call whose request `publish` sends."""

        async def call() -> None:
            name = uuid4().bytes
            answer = self._waiting[name] = asyncio.get_running_loop().create_future()
            await publish(name + self.address.encode().ljust(64) + BODY)
            await answer

        return call

    def resolve(self, body: bytes) -> None:
        if answer := self._waiting.pop(body[:16], None):
            answer.set_result(None)


def reply_address(body: bytes) -> str:
    return body[16:80].decode().rstrip()


async def aio_pika_caller(url: str, queue: str) -> Call:
    connection = await aio_pika.connect(url)
    channel = await connection.channel(publisher_confirms=True)
    replies = Replies()
    inbox = await channel.declare_queue(replies.address, exclusive=True)

    async def on_message(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        replies.resolve(message.body)

    await inbox.consume(on_message, no_ack=True)

    async def publish(body: bytes) -> None:
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, routing_key=queue)

    return replies.echo_through(publish)


async def aio_pika_worker(url: str, queue: str) -> None:
    connection = await aio_pika.connect(url)
    incoming, outgoing = await connection.channel(), await connection.channel(publisher_confirms=False)
    await incoming.set_qos(prefetch_count=PREFETCH)
    work = await incoming.declare_queue(queue, durable=True, arguments=dict(QUORUM))

    async def on_message(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        echo = aio_pika.Message(message.body)
        await outgoing.default_exchange.publish(echo, routing_key=reply_address(message.body))
        await message.ack()

    await work.consume(on_message)


async def aiormq_caller(url: str, queue: str) -> Call:
    connection = await aiormq.connect(url)
    channel = await connection.channel(publisher_confirms=True)
    replies = Replies()
    await channel.queue_declare(replies.address, exclusive=True)

    async def on_message(message: DeliveredMessage) -> None:
        replies.resolve(message.body)

    await channel.basic_consume(replies.address, on_message, no_ack=True)
    properties = aiormq.spec.Basic.Properties(delivery_mode=2)

    async def publish(body: bytes) -> None:
        await channel.basic_publish(body, routing_key=queue, properties=properties)

    return replies.echo_through(publish)


async def aiormq_worker(url: str, queue: str) -> None:
    connection = await aiormq.connect(url)
    incoming, outgoing = await connection.channel(), await connection.channel(publisher_confirms=False)
    await incoming.basic_qos(prefetch_count=PREFETCH)
    await incoming.queue_declare(queue, durable=True, arguments=dict(QUORUM))

    async def on_message(message: DeliveredMessage) -> None:
        await outgoing.basic_publish(message.body, routing_key=reply_address(message.body))
        assert message.delivery_tag is not None
        await incoming.basic_ack(message.delivery_tag)

    await incoming.basic_consume(queue, on_message)


async def _open_channel(url: str) -> Channel:
    connection = await Connection.open(parse(url), name="benchmark", heartbeat=30, timeout=10)
    return await connection.open_channel()


async def flowport_caller(url: str, queue: str) -> Call:
    channel = await _open_channel(url)
    replies = Replies()
    await channel.select_confirms()
    await channel.declare_private_queue(replies.address, {})
    await channel.consume(replies.address, lambda received: replies.resolve(received.body), no_ack=True)

    async def publish(body: bytes) -> None:
        await publish_confirmed(channel, body, routing_key=queue, delivery_mode=PERSISTENT, mandatory=True)

    return replies.echo_through(publish)


async def flowport_worker(url: str, queue: str) -> None:
    incoming, outgoing = await _open_channel(url), await _open_channel(url)
    await outgoing.select_confirms()
    await incoming.set_prefetch(PREFETCH)
    await incoming.declare_queue(queue, QUORUM)
    tasks: set[asyncio.Task[None]] = set()

    async def handle(received: Received) -> None:
        await outgoing.publish(received.body, lambda error: None, routing_key=reply_address(received.body))
        incoming.ack(received.tag)

    def on_received(received: Received) -> None:
        task = asyncio.create_task(handle(received))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    await incoming.consume(queue, on_received, no_ack=False)


def _ports(url: str, queue: str) -> Broker:
    topology = default_topology(LONGEST_RUN_SECONDS)
    work = Queue(name=queue, max_length=20_000, max_bytes=64 * MIB)
    return open_broker(url, service="benchmark", topology=replace(topology, queues={queue: work}))


async def port_caller(url: str, queue: str) -> Call:
    broker = _ports(url, queue)
    await broker.start()
    waiting: dict[str, asyncio.Future[None]] = {}
    inbox = await broker.replies.open_inbox(lambda batch: waiting.pop(batch.run_id).set_result(None), lambda: None)
    snapshot = SnapshotRef(workspace_id="workspace", workflow_id="workflow", snapshot_hash="0" * 64)
    payload = Payload(inline=to_json(BODY.decode()))

    async def call() -> None:
        run_id = uuid4().hex
        answer = waiting[run_id] = asyncio.get_running_loop().create_future()
        spec = RunSpec(run_id=run_id, snapshot=snapshot, mode=RunMode.SYNC, input=payload, time_limit_ms=60_000)
        await broker.work.publish(queue, AttachedRunRequested(run=spec, reply_to=inbox.address), ttl_ms=60_000)
        await answer

    return call


async def port_worker(url: str, queue: str) -> None:
    broker = _ports(url, queue)
    await broker.start()

    async def handle(delivery: Delivery) -> Settlement:
        assert isinstance(delivery.message, AttachedRunRequested)
        run = delivery.message.run
        echo = EventBatch(run_id=run.run_id, seq=0, events=(Chunk(block_id="block", text=BODY.decode()),))
        await broker.replies.send(delivery.message.reply_to, echo, must_route=True)
        return Settlement.ACK

    await broker.work.consume(queue, handle, prefetch=PREFETCH)


CLIENTS: Final = {
    "aio-pika": (aio_pika_caller, aio_pika_worker),
    "aiormq": (aiormq_caller, aiormq_worker),
    "flowport_amqp": (flowport_caller, flowport_worker),
    "broker port": (port_caller, port_worker),
}


@dataclass(frozen=True)
class Figures:
    """Figures of one client at one concurrency."""

    client: str
    in_flight: int
    per_second: float
    p50_ms: float
    p99_ms: float
    caller_cpu_us: float

    def row(self) -> str:
        times = f"{self.p50_ms:.2f} | {self.p99_ms:.2f}"
        return f"| {self.client} | {self.in_flight} | {self.per_second:,.0f} | {times} | {self.caller_cpu_us:.0f} |"


async def measure(client: str, url: str, queue: str, in_flight: int, seconds: float) -> Figures:
    """Measure `in_flight` concurrent echoes for `seconds`, after a warm-up."""
    call = await CLIENTS[client][0](url, queue)
    latencies: list[float] = []

    async def keep_calling(until: float) -> None:
        while (began := time.perf_counter()) < until:
            await call()
            latencies.append(time.perf_counter() - began)

    async def run(duration: float) -> None:
        until = time.perf_counter() + duration
        await asyncio.gather(*(keep_calling(until) for _ in range(in_flight)))

    await run(WARM_UP_SECONDS)
    latencies.clear()
    began, cpu = time.perf_counter(), time.process_time()
    await run(seconds)
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    quantiles = statistics.quantiles(latencies, n=100)
    done = len(latencies)
    return Figures(client, in_flight, done / wall, quantiles[49] * 1e3, quantiles[98] * 1e3, cpu / done * 1e6)


def run_worker(client: str, url: str, queue: str) -> None:
    """Run a worker until the process is terminated."""

    async def serve() -> None:
        await CLIENTS[client][1](url, queue)
        await asyncio.Event().wait()

    uvloop.run(serve())


def run_caller(client: str, url: str, queue: str, in_flight: int, seconds: float) -> Figures:
    """Measure in this process."""
    return uvloop.run(measure(client, url, queue, in_flight, seconds))


def compare(url: str, seconds: float) -> None:
    """Print a table row for each client and concurrency."""
    spawn = multiprocessing.get_context("spawn")
    print("| client | in flight | echoes/s | p50 ms | p99 ms | caller CPU µs/echo |\n|---|---|---|---|---|---|")
    for client in CLIENTS:
        queue = f"bench.work.{uuid4().hex}"
        worker = spawn.Process(target=run_worker, args=(client, url, queue), daemon=True)
        worker.start()
        time.sleep(2)
        for in_flight in IN_FLIGHT:
            with spawn.Pool(1) as pool:
                print(pool.apply(run_caller, (client, url, queue, in_flight, seconds)).row(), flush=True)
        worker.terminate()
        worker.join(5)
        asyncio.run(_delete(url, queue))


async def _delete(url: str, queue: str) -> None:
    await (await _open_channel(url)).delete_queue(queue)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="URL of a running broker; default: start one")
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    if options.url:
        compare(options.url, options.seconds)
        return
    with tempfile.TemporaryDirectory() as data:
        server = RabbitMQServer(Path(data))
        server.start()
        try:
            compare(server.amqp_url, options.seconds)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
