"""An application learns that a client closed its connection without waiting for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import Receive, Scope, Send
from tests.support.eventually import eventually

from flowport.local.asgi_server import listen, port_of, serve_app
from shared.web.disconnects import subscribe_function


class Application:
    """Reads each request, waits, and answers when released."""

    def __init__(self) -> None:
        self.read = 0
        self.disconnects = 0
        self.may_answer = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        await Request(scope, receive).body()
        listen_to = subscribe_function(scope)
        assert listen_to is not None
        stop_listening = listen_to(self.count_disconnect)
        self.read += 1
        await self.may_answer.wait()
        stop_listening()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    def count_disconnect(self) -> None:
        self.disconnects += 1


@asynccontextmanager
async def requested(application: Application, body: bytes = b"") -> AsyncIterator[asyncio.StreamWriter]:
    app = FastAPI()
    app.mount("/", application)
    listening = listen(0)
    port = port_of(listening)
    async with serve_app(app, listening):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\ncontent-length: %d\r\n\r\n" % len(body))
        await asyncio.sleep(0.05)  # the body arrives immediately, and is so large that the server stops reading
        writer.write(body)
        await eventually(lambda: application.read)
        yield writer
        application.may_answer.set()
        writer.transport.abort()


@pytest.mark.parametrize("size", [0, 200 * 1024])
async def test_a_listening_application_is_notified_once_when_the_client_closes(size: int) -> None:
    application = Application()
    async with requested(application, b"x" * size) as writer:
        assert application.disconnects == 0
        writer.close()
        await eventually(lambda: application.disconnects)
    assert application.disconnects == 1


async def test_an_application_that_stopped_listening_is_not_notified() -> None:
    application = Application()
    async with requested(application) as writer:
        application.may_answer.set()
        await asyncio.sleep(0.05)
        writer.close()
        await asyncio.sleep(0.05)
    assert application.disconnects == 0
