"""An application behind the HTTP protocol of the services, on a socket of the test's own event loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from shared.web.bounded_http import BoundedHttp

ANSWER_SECONDS = 30.0


@dataclass(frozen=True)
class BoundedServer:
    """The listening server."""

    port: int
    state: ServerState

    @property
    def tasks(self) -> int:
        """Number of requests that the application is answering."""
        return len(self.state.tasks)

    async def exchange(self, sent: bytes) -> bytes:
        """Send bytes over one connection and return everything that arrives until the server closes it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(sent)
            async with asyncio.timeout(ANSWER_SECONDS):
                return await reader.read()
        finally:
            writer.close()


@asynccontextmanager
async def bounded_server(app: ASGIApp) -> AsyncIterator[BoundedServer]:
    """Serve `app`, whose lifespan the caller runs, until the block ends."""
    config = uvicorn.Config(app, http=BoundedHttp, ws="none", lifespan="off", log_config=None, access_log=False)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: BoundedHttp(config, state, {}), "127.0.0.1", 0)
    try:
        yield BoundedServer(listening.sockets[0].getsockname()[1], state)
    finally:
        listening.close()
        for connection in list(state.connections):
            connection.transport.abort()
