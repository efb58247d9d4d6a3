"""Applications served inside this process."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

import uvicorn
from fastapi import FastAPI

from flowport.servers.ports import LOOPBACK
from flowport.servers.process import ServerFailed

START_SECONDS: Final = 60.0
DRAIN_SECONDS: Final = 3
STOP_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.01


class PortInUse(Exception):
    """Somebody else listens there."""


def listen(port: int, host: str = LOOPBACK) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises PortInUse."""
    try:
        return socket.create_server((host, port), backlog=2048)
    except OSError as error:
        raise PortInUse(f"port {port} of {host} cannot be had ({error.strerror}); PORT=… selects another") from error


def port_of(listening: socket.socket) -> int:
    """Where the socket listens."""
    port: int = listening.getsockname()[1]
    return port


class Serving:
    """One application on one socket, up inside the `async with` block."""

    def __init__(self, app: FastAPI, listening: socket.socket) -> None:
        self._name = app.title
        self._socket = listening
        self._server = _Server(
            uvicorn.Config(
                app,
                http="httptools",
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=DRAIN_SECONDS,
            )
        )
        self.task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self._server.serve(sockets=[self._socket]), name=self._name)
        try:
            async with asyncio.timeout(START_SECONDS):
                while not self._server.started:
                    if self.task.done():
                        raise ServerFailed(f"{self._name} did not start")
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise ServerFailed(f"{self._name} did not start within {START_SECONDS:.0f} s") from None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.task is None:
            return
        self._server.should_exit = True
        await asyncio.wait({self.task}, timeout=STOP_SECONDS)
        self.task.cancel()


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the business of the command, not of each server in it."""
        yield
