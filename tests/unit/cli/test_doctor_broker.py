"""What the doctor makes of a broker that tells little."""

from tests.unit.broker.client import say_goodbye
from tests.unit.broker.fake_peer import Peer, playing

from flowport.doctor.broker import check_broker
from flowport.doctor.findings import Finding, Verdict
from flowport.servers.ports import LOOPBACK
from shared.broker.amqp import methods
from shared.broker.amqp.wire import long_string, short_string
from shared.broker.topology import LONGEST_RUN_SECONDS, default_topology

TOPOLOGY = default_topology(LONGEST_RUN_SECONDS)
REFUSAL = (403).to_bytes(2, "big") + short_string("ACCESS_REFUSED") + bytes(4)


async def refuse_to_tell(peer: Peer) -> None:
    """So RabbitMQ 4.2.6 answers whoever may not configure a queue."""
    await peer.shake_hands()
    for _ in TOPOLOGY.queues:
        await peer.expect(methods.CHANNEL_OPEN)
        peer.send(methods.bare(methods.CHANNEL_OPEN_OK) + long_string(b""), channel=1)
        await peer.expect(methods.QUEUE_DECLARE)
        peer.send(methods.bare(methods.CHANNEL_CLOSE) + REFUSAL, channel=1)
        await peer.expect(methods.CHANNEL_CLOSE_OK)
    await say_goodbye(peer)


async def test_a_queue_that_the_user_may_not_ask_for_is_neither_there_nor_missing() -> None:
    async with playing(refuse_to_tell) as port:
        url = f"amqp://user:secret@{LOOPBACK}:{port}/"
        found = [finding async for finding in check_broker(url, TOPOLOGY, has_management=False)]
    assert _of("queues", found).verdict is Verdict.WARNING
    assert all(name in _of("queues", found).found for name in TOPOLOGY.queues)
    assert "FLOWPORT_AMQP_MANAGEMENT_URL" in _of("queues", found).fix


def _of(check: str, found: list[Finding]) -> Finding:
    (one,) = [finding for finding in found if finding.check == check]
    return one
