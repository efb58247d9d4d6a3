"""Loopback ports for servers that tests start themselves."""

from collections.abc import Iterator

import pytest

from flowport.servers.ports import reserve_port

__all__ = ["free_port"]


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port for this test alone. Connections are refused until a server listens there."""
    with reserve_port() as port:
        yield port.lend()
