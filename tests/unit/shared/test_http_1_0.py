"""HTTP/1.0 callers do not know chunks: they read until the connection closes."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from starlette.responses import Response, StreamingResponse
from tests.support.eventually import PATIENCE_SECONDS

from flowport.local.asgi_server import listen, port_of, serve_app


@pytest.fixture
async def port() -> AsyncIterator[int]:
    app, listening = FastAPI(), listen(0)

    async def parts() -> AsyncIterator[bytes]:
        for part in (b"data: one\n\n", b"", b"data: two\n\n"):
            yield part
            await asyncio.sleep(0)

    app.get("/stream")(lambda: StreamingResponse(parts(), media_type="text/event-stream"))
    app.get("/whole")(lambda: "here")
    app.get("/nothing")(lambda: Response(status_code=204))
    async with serve_app(app, listening):
        yield port_of(listening)


async def send(port: int, request: bytes) -> tuple[bytes, bytes]:
    """Return head and body of the answer, read until the connection closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.lower(), body


@pytest.mark.parametrize("more", [b"", b"Connection: keep-alive\r\n"])
async def test_a_stream_is_sent_as_it_is(port: int, more: bytes) -> None:
    head, body = await send(port, b"GET /stream HTTP/1.0\r\n%b\r\n" % more)
    assert body == b"data: one\n\ndata: two\n\n"
    assert b"transfer-encoding" not in head
    assert b"connection: close" in head


async def test_newer_callers_get_chunks(port: int) -> None:
    head, body = await send(port, b"GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    assert body.endswith(b"\r\n0\r\n\r\n")


async def test_an_answer_with_a_length_declares_it(port: int) -> None:
    head, body = await send(port, b"GET /whole HTTP/1.0\r\n\r\n")
    assert (b"content-length: 6" in head, body) == (True, b'"here"')
    head, body = await send(port, b"GET /nothing HTTP/1.0\r\n\r\n")
    assert (head.startswith(b"http/1.1 204"), body) == (True, b"")
