"""The contract of ControlBus, and the broker's lifecycle."""

import asyncio

import pytest
from tests.support.brokers import Brokers
from tests.support.eventually import eventually

from shared.broker.ports import Broker, BrokerUnavailable
from shared.contracts.messages import CancelRun, ControlMessage, KeyRevoked, LiveVersionChanged


async def test_every_listener_receives_every_broadcast_in_order(brokers: Brokers) -> None:
    one, two = await brokers.open(), await brokers.open()
    heard_by_one: list[ControlMessage] = []
    heard_by_two: list[ControlMessage] = []
    await one.control.listen(heard_by_one.append)
    await two.control.listen(heard_by_two.append)
    messages: list[ControlMessage] = [
        CancelRun(run_id="run-0"),
        KeyRevoked(key_hash="hash"),
        LiveVersionChanged(workflow_id="workflow", revision=7),
    ]
    for message in messages:
        await one.control.broadcast(message)
    await eventually(lambda: len(heard_by_one) == len(heard_by_two) == 3)
    assert heard_by_one == heard_by_two == messages


async def test_a_broadcast_without_listeners_is_not_an_error(broker: Broker) -> None:
    await broker.control.broadcast(CancelRun(run_id="run-0"))


async def test_a_closed_listener_receives_nothing_more(brokers: Brokers) -> None:
    broker = await brokers.open()
    closed: list[ControlMessage] = []
    open_one: list[ControlMessage] = []
    subscription = await broker.control.listen(closed.append)
    await broker.control.listen(open_one.append)
    await subscription.close()
    await broker.control.broadcast(CancelRun(run_id="run-0"))
    await eventually(lambda: open_one)
    assert not closed


async def test_a_listener_receives_the_next_broadcast_after_an_error(broker: Broker) -> None:
    received: list[ControlMessage] = []

    def fail_at_first(message: ControlMessage) -> None:
        received.append(message)
        if len(received) == 1:
            raise RuntimeError("a bug of the listener")

    await broker.control.listen(fail_at_first)
    await broker.control.broadcast(CancelRun(run_id="run-0"))
    await broker.control.broadcast(CancelRun(run_id="run-1"))
    await eventually(lambda: len(received) == 2)


async def test_ping_succeeds_repeatedly_while_the_broker_is_available(broker: Broker) -> None:
    await asyncio.gather(*(broker.ping() for _ in range(20)))


async def test_ping_and_broadcast_fail_once_stopped(brokers: Brokers) -> None:
    broker = await brokers.open()
    await broker.stop()
    with pytest.raises(BrokerUnavailable):
        await broker.ping()
    with pytest.raises(BrokerUnavailable):
        await broker.control.broadcast(CancelRun(run_id="run-0"))
    with pytest.raises(BrokerUnavailable):
        await broker.control.listen(lambda message: None)
