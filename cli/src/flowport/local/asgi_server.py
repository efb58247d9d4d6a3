"""ASGI server for applications inside this process."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import uvicorn
from fastapi import FastAPI

from flowport.servers.ports import LOOPBACK, PortInUse
from flowport.servers.process import ServerFailed
from shared.web.bounded_http import BoundedHttp
from shared.web.server import KEEP_ALIVE_SECONDS

START_SECONDS: Final = 60.0
DRAIN_SECONDS: Final = 3
STOP_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.01


def listen(port: int, host: str = LOOPBACK, *, setting: str = "PORT") -> socket.socket:
    """Open a listening socket; port 0 selects a free one. Raises PortInUse, which names `setting`."""
    try:
        return socket.create_server((host, port), backlog=2048)
    except OSError as error:
        raise PortInUse(port, host, setting=setting, reason=os.strerror(error.errno or 0)) from error


def port_of(listening: socket.socket) -> int:
    """Return the port of the socket."""
    port: int = listening.getsockname()[1]
    return port


@asynccontextmanager
async def serve_app(app: FastAPI, listening: socket.socket) -> AsyncIterator[asyncio.Task[None]]:
    """Serve `app` on `listening` inside the block. Yield the server's task, which ends early only by failing.

    Raises ServerFailed, and whatever the application's startup raises.
    """
    server = _Server(
        uvicorn.Config(
            app,
            http=BoundedHttp,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
    )
    with listening:
        async with app.router.lifespan_context(app):
            task = asyncio.create_task(server.serve(sockets=[listening]), name=app.title)
            try:
                await _wait_until_started(server, task)
                yield task
            finally:
                server.should_exit = True
                await asyncio.wait({task}, timeout=STOP_SECONDS)
                task.cancel()


async def _wait_until_started(server: uvicorn.Server, task: asyncio.Task[None]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        if task.done() or time.monotonic() > deadline:
            raise ServerFailed(f"{task.get_name()} did not start")
        await asyncio.sleep(_POLL_SECONDS)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the command."""
        yield
