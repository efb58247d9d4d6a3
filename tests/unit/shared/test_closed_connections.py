"""A closed connection leaves nothing in memory: one connection per call would exhaust it."""

import asyncio
from contextlib import suppress

import pytest
from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send
from tests.support.eventually import PATIENCE_SECONDS, until
from tests.support.left_behind import Remains, without_collections
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from flowport.local.asgi_server import listen, port_of, serve_app
from shared.web.bounded_http import BoundedHttp
from shared.web.disconnects import subscribe_function

CONNECTIONS = 5
HEAD = b"Host: x\r\nContent-Length: 2\r\n\r\n"


class Words(Response):
    """Send them one by one. Starlette's own streams leave their disconnect listener to a garbage collection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for n in range(20):
            await send({"type": "http.response.body", "body": b"word", "more_body": n < 19})
            await asyncio.sleep(0.01)


def application() -> FastAPI:
    app = FastAPI()

    @app.post("/answered")
    async def answered(request: Request) -> bytes:
        with suppress(ClientDisconnect):
            return await request.body()
        return b""

    @app.post("/read")
    async def read(request: Request) -> str:
        listen_for_the_end = subscribe_function(request.scope)
        assert listen_for_the_end is not None
        listen_for_the_end(lambda: None)
        return ""

    @app.post("/streamed")
    async def streamed() -> Response:
        return Words()

    return app


@pytest.mark.parametrize(
    ("request_bytes", "is_read"),
    [
        (b"", False),
        (b"POST /answered", False),
        (b"POST /answered HTTP/1.1\r\n" + HEAD, False),
        (b"POST /answered HTTP/1.1\r\n" + HEAD + b"{}", True),
        (b"POST /read HTTP/1.1\r\n" + HEAD + b"{}", True),
        (b"POST /streamed HTTP/1.1\r\n" + HEAD + b"{}", True),
        (b"POST /streamed HTTP/1.1\r\n" + HEAD + b"{}" + b"POST /read HTTP/1.1\r\n" + HEAD + b"{}", True),
        (b"POST /nowhere HTTP/1.1\r\n" + HEAD, True),
    ],
    ids=["nothing", "half a head", "no body", "a call", "a listener", "hung up", "the next one too", "refused early"],
)
async def test_a_closed_connection_leaves_nothing(request_bytes: bytes, is_read: bool) -> None:
    listening = listen(0)
    async with serve_app(application(), listening):
        await _call(port_of(listening), request_bytes, is_read)
        with without_collections() as remains:
            for _ in range(CONNECTIONS):
                await _call(port_of(listening), request_bytes, is_read)
            await until(lambda: _nothing_of(remains))


async def _nothing_of(remains: Remains) -> bool:
    return not remains.of(BoundedHttp, RequestResponseCycle)


async def _call(port: int, request_bytes: bytes, is_read: bool) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request_bytes)
    await writer.drain()
    if is_read:
        assert await asyncio.wait_for(reader.read(10), PATIENCE_SECONDS)
    writer.close()
    await writer.wait_closed()
