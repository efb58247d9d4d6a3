"""Who is believed to be the broker."""

from pathlib import Path

import pytest
from tests.support.certificates import Authority
from tests.unit.amqp.client import say_goodbye
from tests.unit.amqp.fake_peer import Peer, playing

from flowport_amqp import address as addresses
from flowport_amqp.connection import Connection
from flowport_amqp.errors import ConnectionClosed


@pytest.mark.parametrize(("host", "accepted"), [("localhost", True), ("somebody.else", False)])
async def test_over_tls_only_the_right_broker_is_talked_to(tmp_path: Path, host: str, accepted: bool) -> None:
    async def script(peer: Peer) -> None:
        await peer.shake_hands()
        await say_goodbye(peer)

    authority = Authority(tmp_path)
    async with playing(script, tls=authority.server_context(host)) as port:
        target = addresses.parse(f"amqps://user:secret@localhost:{port}/?cacertfile={authority.file()}")
        if accepted:
            connection = await Connection.open(target, name="test", heartbeat=0, timeout=5)
            await connection.close()
        else:
            with pytest.raises(ConnectionClosed, match="CERTIFICATE_VERIFY_FAILED"):
                await Connection.open(target, name="test", heartbeat=0, timeout=5)
