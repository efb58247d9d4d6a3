"""Verification of the broker's certificate."""

from pathlib import Path

import pytest
from tests.support.amqp.client import accept_close
from tests.support.amqp.fake_peer import Peer, run_peer
from tests.support.certificates import Authority
from tests.support.eventually import PATIENCE_SECONDS

from flowport_amqp import address as addresses
from flowport_amqp.connection import Connection
from flowport_amqp.errors import ConnectionClosed


@pytest.mark.parametrize(("host", "accepted"), [("localhost", True), ("somebody.else", False)])
async def test_only_a_broker_with_a_valid_certificate_is_accepted(tmp_path: Path, host: str, accepted: bool) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept_connection()
        await accept_close(peer)

    authority = Authority(tmp_path)
    async with run_peer(script, tls=authority.server_context(host)) as port:
        target = addresses.parse(f"amqps://user:secret@localhost:{port}/?cacertfile={authority.file()}")
        if accepted:
            connection = await Connection.open(target, name="test", heartbeat=0, timeout=PATIENCE_SECONDS)
            await connection.close()
        else:
            with pytest.raises(ConnectionClosed, match="CERTIFICATE_VERIFY_FAILED"):
                await Connection.open(target, name="test", heartbeat=0, timeout=PATIENCE_SECONDS)
