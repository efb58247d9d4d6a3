"""A started gateway over fakes, and the port of a real HTTP server in front of it."""

from collections.abc import AsyncIterator

import pytest
from tests.support.gateway.system import System, running_system

from flowport.local.asgi_server import listen, port_of, serve_app


@pytest.fixture
async def system() -> AsyncIterator[System]:
    async with running_system() as started:
        yield started


@pytest.fixture
async def port(system: System) -> AsyncIterator[int]:
    listening = listen(0)
    port = port_of(listening)
    async with serve_app(system.app, listening):
        yield port
