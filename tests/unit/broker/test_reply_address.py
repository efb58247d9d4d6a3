"""Replies to an address that does not exist yet."""

import pytest
from tests.support.amqp.fake_peer import address
from tests.support.brokers import topology

from shared.broker.ports import BrokerDisconnected
from shared.broker.queue_topology import Policy
from shared.broker.rabbitmq.reconnecting import ReconnectingConnection
from shared.broker.rabbitmq.replies import Inbox


async def test_without_a_reply_address_nothing_was_handed_to_the_broker() -> None:
    queue = topology("test", Policy()).reply_inbox
    inbox = Inbox(ReconnectingConnection(address(1), name="test"), queue, print, lambda: None, print)
    with pytest.raises(BrokerDisconnected):
        _ = inbox.address
