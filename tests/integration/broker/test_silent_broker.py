"""A broker that stops silently: every publish times out, and a bounded number wait."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.broker_samples import batch, dispatched
from tests.support.brokers import Brokers
from tests.support.eventually import eventually

from flowport.servers.rabbitmq import RabbitMQServer
from shared.broker import bundles
from shared.broker.ports import Broker, BrokerUnavailable
from shared.broker.rabbitmq import channel

CALLS = 50
LIMIT_SECONDS = 1.0
SETTLED_SECONDS = 30.0


@pytest.fixture
def short_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the timeouts for the broker."""
    monkeypatch.setattr(channel, "TIMEOUT_SECONDS", LIMIT_SECONDS)


@pytest.fixture
def frozen(rabbitmq: RabbitMQServer) -> Iterator[RabbitMQServer]:
    """The server, which the test freezes and the fixture thaws."""
    yield rabbitmq
    thaw(rabbitmq)


async def freeze(server: RabbitMQServer) -> None:
    """Stop every thread of the broker."""
    server.freeze()
    threads = Path(f"/proc/{server.pid}/task")
    await eventually(lambda: all(" T " in (task / "stat").read_text() for task in threads.iterdir()))


def thaw(server: RabbitMQServer) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGCONT)


async def reply_address(broker: Broker) -> str:
    return (await broker.replies.open_inbox(lambda received: None, lambda: None)).address


@pytest.mark.usefixtures("short_limit")
async def test_every_publish_to_a_silent_broker_ends(frozen: RabbitMQServer) -> None:
    async with Brokers(frozen.amqp_url) as brokers:
        broker = await brokers.open()
        address = await reply_address(broker)
        await broker.work.publish(brokers.work, dispatched())
        await freeze(frozen)
        async with asyncio.timeout(SETTLED_SECONDS):
            answers = await asyncio.gather(
                *(broker.work.publish(brokers.work, dispatched(number)) for number in range(CALLS)),
                *(broker.work.publish(brokers.transient, dispatched(number)) for number in range(CALLS)),
                *(broker.replies.send(address, batch(run_id=f"r{n}"), must_route=True) for n in range(CALLS)),
                return_exceptions=True,
            )
        thaw(frozen)
        assert [answer for answer in answers if not isinstance(answer, BrokerUnavailable)] == []


@pytest.mark.usefixtures("short_limit")
async def test_waits_for_a_silent_broker_are_bounded(frozen: RabbitMQServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "MAX_IN_FLIGHT", 5)
    monkeypatch.setattr(bundles, "MAX_PENDING", 20)
    async with Brokers(frozen.amqp_url) as brokers:
        broker = await brokers.open()
        await freeze(frozen)
        calls = [asyncio.create_task(broker.work.publish(brokers.transient, dispatched())) for _ in range(CALLS)]
        refused = [call for call in calls if await at_once(call)]
        thaw(frozen)
        await asyncio.wait(calls)
        assert len(refused) == CALLS - 20
        await eventually(lambda: all(call.done() and call.exception() for call in refused))


async def at_once(call: asyncio.Task[None]) -> bool:
    await asyncio.sleep(0)
    return call.done()
