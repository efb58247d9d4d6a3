"""Replies to an address that does not exist yet."""

import pytest
from tests.support.brokers import topology

from shared.broker.ports import BrokerDisconnected
from shared.broker.queue_topology import Policy
from shared.broker.rabbitmq.connection import Connection
from shared.broker.rabbitmq.private_queue import PrivateConsumer


async def test_without_a_reply_address_nothing_was_handed_to_the_broker() -> None:
    queue = topology("test", Policy()).reply_inbox
    inbox = PrivateConsumer(Connection("amqp://127.0.0.1:1/", name="test"), queue, print)
    with pytest.raises(BrokerDisconnected):
        _ = inbox.address
