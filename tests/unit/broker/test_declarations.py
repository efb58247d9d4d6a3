"""Concurrent first uses of a queue that is declared on first use."""

import asyncio

import pytest
from tests.support.amqp.client import open_connection
from tests.support.amqp.fake_peer import Peer, run_peer
from tests.support.brokers import topology
from tests.support.eventually import PATIENCE_SECONDS

from flowport_amqp import methods
from flowport_amqp.errors import CallTimeout
from flowport_amqp.wire import long_string
from shared.broker.queue_topology import Policy
from shared.broker.rabbitmq.declarations import Declarations


async def test_concurrent_callers_do_not_wait_in_sequence_for_an_unanswered_declaration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.broker.rabbitmq.declarations.LOCK_SECONDS", 0.05)
    monkeypatch.setattr("flowport_amqp.channel.CLOSE_SECONDS", 0.05)
    over = asyncio.Event()

    async def grants_channels_and_declares_nothing(peer: Peer) -> None:
        await peer.accept_connection()
        while not over.is_set():
            _, channel, payload = await peer.next_frame()
            match methods.method_id(payload):
                case methods.CHANNEL_OPEN:
                    peer.send(methods.bare(methods.CHANNEL_OPEN_OK) + long_string(b""), channel=channel)
                case methods.CONNECTION_CLOSE:
                    peer.send(methods.bare(methods.CONNECTION_CLOSE_OK))
                    return

    queues = topology("test", Policy())
    async with run_peer(grants_channels_and_declares_nothing) as port, open_connection(port, limit=0.5) as connection:
        declarations = Declarations(queues)
        async with asyncio.timeout(PATIENCE_SECONDS):
            outcomes = await asyncio.gather(
                *(declarations.ensure(connection, queues.queue("test.work")) for _ in range(300)),
                return_exceptions=True,
            )
    assert [type(outcome) for outcome in outcomes] == [CallTimeout] * 300
