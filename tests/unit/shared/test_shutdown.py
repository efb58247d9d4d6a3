"""A stopping server answers earlier connections: it disconnects no accepted client without an answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from fastapi import FastAPI
from tests.support.eventually import PATIENCE_SECONDS, until

from flowport.local import asgi_server as flowport_serving
from flowport.local.asgi_server import listen, port_of, serve_app
from shared.web.bounded_http import BoundedHttp

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Stopping:
    """A server, and a connection that it accepted before it stopped."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, served: asyncio.Task[None]) -> None:
        self.reader = reader
        self.writer = writer
        self.served = served


@asynccontextmanager
async def stopping() -> AsyncIterator[Stopping]:
    app, listening, stop = FastAPI(), listen(0), asyncio.Event()
    app.get("/")(lambda: "here")
    port = port_of(listening)

    async def serve() -> None:
        async with serve_app(app, listening):
            await stop.wait()

    served = asyncio.create_task(serve())
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_SECONDS) as other:
        assert (await other.get("/")).is_success  # whose connection was accepted after ours
    stop.set()
    await until(lambda: _refuses(port))
    try:
        yield Stopping(reader, writer, served)
    finally:
        writer.transport.abort()
        await served


async def _refuses(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return True
    writer.transport.abort()
    return False


async def test_a_late_request_is_answered_and_redirected() -> None:
    async with stopping() as server:
        server.writer.write(REQUEST)
        answer = await asyncio.wait_for(server.reader.read(), PATIENCE_SECONDS)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b'"here"')


async def test_a_silent_connection_does_not_delay_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hasty(BoundedHttp):
        late_seconds = 0.1

    monkeypatch.setattr(flowport_serving, "BoundedHttp", Hasty)
    async with stopping() as server:
        assert await asyncio.wait_for(server.reader.read(), PATIENCE_SECONDS) == b""
        await asyncio.wait_for(server.served, 30)
