"""The head of a response is what uvicorn would write, and invalid headers are refused."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import Any, cast

import pytest
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from shared.web.response_cycle import ResponseCycle
from shared.web.response_writer import ResponseWriter

Headers = Sequence[tuple[bytes, bytes]]
DATE = (b"date", b"Mon, 30 Nov 2026 05:00:00 GMT")


class Wire:
    """Transport that records what is written."""

    def __init__(self) -> None:
        self.sent = b""
        self.is_closed = False

    def write(self, data: bytes) -> None:
        self.sent += data

    def writelines(self, parts: Iterable[bytes]) -> None:
        self.sent += b"".join(parts)

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True


async def written(
    kind: type[RequestResponseCycle], status: int, headers: Headers, body: bytes, *, method: str, keep_alive: bool
) -> tuple[bytes, bool]:
    """Return what a cycle writes, and whether it then closes the connection."""
    wire, log = cast("Any", Wire()), logging.getLogger("test")
    cycle = kind(
        scope=cast("Any", {"method": method}),
        transport=cast("Any", ResponseWriter(wire)),
        flow=FlowControl(wire),
        logger=log,
        access_logger=log,
        access_log=False,
        default_headers=[DATE],
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=keep_alive,
        on_response=lambda: None,
    )
    await cycle.send({"type": "http.response.start", "status": status, "headers": headers})
    await cycle.send({"type": "http.response.body", "body": body})
    await asyncio.sleep(0)  # what waits for this turn of the event loop is written now
    return wire.sent, wire.is_closed


@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, [(b"content-type", b"application/json"), (b"content-length", b"2")], b"{}"),
        (200, [(b"content-type", b"text/event-stream")], b"data: 1\n\n"),
        (200, [(b"transfer-encoding", b"chunked")], b"part"),
        (200, [(b"content-length", b"0"), (b"connection", b"Close")], b""),
        (200, [(b"content-length", b"0"), (b"connection", b"keep-alive, close")], b""),
        (200, [(b"content-length", b"0"), (b"connection", b"x-closed")], b""),
        (200, [(b"content-length", b"0"), (b"connection", b"keep-alive"), (b"connection", b"close")], b""),
        (200, [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"content-length", b"0")], b""),
        (204, [], b""),
        (304, [(b"etag", b'"x"')], b""),
        (500, [(b"x-text", b"tab\tand \xe9"), (b"content-length", b"0")], b""),
    ],
)
async def test_the_response_is_that_of_uvicorn(
    status: int, headers: Headers, body: bytes, method: str, keep_alive: bool
) -> None:
    sent = [
        await written(kind, status, headers, body, method=method, keep_alive=keep_alive)
        for kind in (ResponseCycle, RequestResponseCycle)
    ]
    assert sent[0] == sent[1]


@pytest.mark.parametrize("character", [b"\r", b"\n", b"\0", b"\x7f", b"\x1b"])
@pytest.mark.parametrize("kind", [ResponseCycle, RequestResponseCycle])
async def test_a_header_cannot_contain_another(kind: type[RequestResponseCycle], character: bytes) -> None:
    for header in ((b"x-name", b"value" + character + b"x"), (b"x-name" + character, b"value")):
        with pytest.raises(RuntimeError, match="Invalid HTTP header"):
            await written(kind, 200, [(b"content-length", b"0"), header], b"", method="GET", keep_alive=True)


@pytest.mark.parametrize("name", [b"x name", b"x:name", b"x(name)"])
async def test_an_invalid_name_is_refused(name: bytes) -> None:
    with pytest.raises(RuntimeError, match="Invalid HTTP header name"):
        await written(ResponseCycle, 200, [(name, b"value")], b"", method="GET", keep_alive=True)
