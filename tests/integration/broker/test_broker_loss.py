"""The broker is killed under load, stays down briefly, and restarts.

The scenario runs once: killing and starting RabbitMQ takes seconds. Each test checks one aspect.
"""

import asyncio
import contextlib
from dataclasses import dataclass, field

import pytest
from tests.support.broker_samples import Holder, Recorder, batch, dispatched
from tests.support.brokers import Brokers, usable_metric
from tests.support.eventually import eventually
from tests.support.rabbitmq import with_wrong_password

from flowport.servers.rabbitmq import RabbitMQServer
from shared.broker.connect import open_broker
from shared.broker.ports import Broker, BrokerUnavailable, QueueFull, ReplyInbox
from shared.broker.rabbitmq import connection
from shared.contracts.messages import CancelRun, ControlMessage, EventBatch

BACK_SECONDS = 60.0
SETTLED_SECONDS = 3.0
"""RabbitMQ 4.0 loses a quorum queue whose node is killed within about a second of its declaration."""


class Load:
    """Publishes as fast as the broker confirms, and records the confirms."""

    def __init__(self, broker: Broker, queue: str) -> None:
        self.confirmed: set[str] = set()
        self._broker = broker
        self._queue = queue
        self._number = 0
        self._tasks = [asyncio.create_task(self._publish_for_ever()) for _ in range(20)]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _publish_for_ever(self) -> None:
        while True:
            self._number += 1
            message = dispatched(self._number)
            try:
                await self._broker.work.publish(self._queue, message)
                self.confirmed.add(message.run_id)
            except (BrokerUnavailable, QueueFull):
                await asyncio.sleep(0.01)


@dataclass
class Story:
    """Observations of the scenario."""

    recorder: Recorder = field(default_factory=Recorder)
    holder: Holder = field(default_factory=Holder)
    received: list[EventBatch] = field(default_factory=list)
    control_messages: list[ControlMessage] = field(default_factory=list)
    confirmed: set[str] = field(default_factory=set)
    losses: int = 0
    cancelled: int = 0
    """Handlers that were cancelled with the connection."""
    addresses: list[str | None] = field(default_factory=list)
    refused_at_once: int = 0
    usable: list[bool] = field(default_factory=list)
    """Metrics before, during and after the loss."""

    def lose(self) -> None:
        self.losses += 1


@pytest.fixture(scope="module")
def story(rabbitmq: RabbitMQServer) -> Story:
    """The whole scenario, run once."""
    try:
        return asyncio.run(play(rabbitmq))
    finally:
        if rabbitmq.pid is None:  # other tests use the server, too
            rabbitmq.start()


async def play(server: RabbitMQServer) -> Story:
    async with Brokers(server.amqp_url) as brokers:
        return await _play(server, brokers)


async def _play(server: RabbitMQServer, brokers: Brokers) -> Story:
    story = Story()
    publisher, worker = await brokers.open(), await brokers.open()
    await worker.work.consume(brokers.work, story.recorder, prefetch=100)
    await worker.work.consume(brokers.small, story.holder, prefetch=2)
    await publisher.work.publish(brokers.small, dispatched())
    await publisher.ping()
    await worker.control.listen(story.control_messages.append)
    inbox = await publisher.replies.open_inbox(story.received.append, story.lose)
    story.addresses.append(address_of(inbox))
    load = Load(publisher, brokers.work)
    await asyncio.sleep(SETTLED_SECONDS)
    await eventually(lambda: len(load.confirmed) > 300)
    story.usable.append(usable_metric())

    server.kill()
    await eventually(lambda: story.losses)
    story.addresses.append(address_of(inbox))
    with contextlib.suppress(TimeoutError):  # both connections must detect the loss
        await eventually(lambda: refused_at_once(publisher, brokers) == 3)
    story.refused_at_once = refused_at_once(publisher, brokers)
    story.usable.append(usable_metric())
    before = len(load.confirmed)
    await asyncio.to_thread(server.start)

    await eventually(lambda: len(load.confirmed) > before + 300, seconds=BACK_SECONDS)
    await load.stop()
    story.confirmed = load.confirmed
    await eventually(lambda: story.confirmed <= set(story.recorder.run_ids), seconds=BACK_SECONDS)
    await eventually(lambda: address_of(inbox) and len(story.holder.held) == 2, seconds=BACK_SECONDS)
    story.addresses.append(address_of(inbox))
    await has_recovered(worker)
    story.usable.append(usable_metric())
    await worker.replies.send(inbox.address, batch(), must_route=True)
    await publisher.control.broadcast(CancelRun(run_id="run-0"))
    await eventually(lambda: story.received and story.control_messages)
    story.cancelled = story.holder.cancelled
    story.holder.release()
    return story


async def has_recovered(broker: Broker) -> None:
    async with asyncio.timeout(BACK_SECONDS):
        while True:
            with contextlib.suppress(BrokerUnavailable):
                return await broker.ping()
            await asyncio.sleep(0.02)


def address_of(inbox: ReplyInbox) -> str | None:
    try:
        return inbox.address
    except BrokerUnavailable:
        return None


def refused_at_once(broker: Broker, brokers: Brokers) -> int:
    """Return how many kinds of calls are refused before they wait for anything."""
    calls = (
        broker.work.publish(brokers.work, dispatched()),
        broker.replies.send(brokers.topology.reply_inbox.new_name(), batch(), must_route=True),
        broker.ping(),
    )
    refused = 0
    for call in calls:
        step = call.__await__()
        with contextlib.suppress(BrokerUnavailable):
            next(step)  # returns where the call waits
            step.close()
            continue
        refused += 1
    return refused


def test_every_confirmed_message_arrives(story: Story) -> None:
    assert len(story.confirmed) > 600
    assert story.confirmed <= set(story.recorder.run_ids)


def test_publishing_during_an_outage_fails_immediately(story: Story) -> None:
    assert story.refused_at_once == 3


def test_a_health_check_reports_the_outage(story: Story) -> None:
    assert story.usable == [True, False, True]


def test_an_inbox_reports_its_loss_once_and_returns_under_a_new_address(story: Story) -> None:
    assert story.losses == 1
    before, meanwhile, after = story.addresses
    assert meanwhile is None
    assert after is not None
    assert after != before
    assert story.received == [batch()]


def test_a_listener_receives_broadcasts_after_the_outage(story: Story) -> None:
    assert story.control_messages == [CancelRun(run_id="run-0")]


def test_unsettled_deliveries_are_redelivered_and_marked(story: Story) -> None:
    assert [delivery.redelivered for delivery in story.holder.held] == [False, True]


def test_handlers_continue_through_the_loss_of_the_broker(story: Story) -> None:
    assert story.cancelled == 0


async def test_wrong_credentials_are_reported_at_the_start(amqp_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "START_SECONDS", 2)
    broker = open_broker(with_wrong_password(amqp_url), service="test")
    with pytest.raises(BrokerUnavailable, match="ACCESS_REFUSED"):
        await broker.start()


async def test_an_unreachable_broker_is_reported_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "START_SECONDS", 2)
    broker = open_broker("amqp://127.0.0.1:9/", service="test")
    with pytest.raises(BrokerUnavailable, match="cannot connect"):
        await broker.start()
