"""A request is served exactly once with its body, or refused without a trace, however its headers are spelled."""

import asyncio
from dataclasses import dataclass, field

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from tests.support.bounded_server import BoundedServer, bounded_server
from tests.support.echo_server import statuses
from tests.support.eventually import eventually
from tests.support.gateway.system import running_system

BODY = b"twelve bytes"
CHUNKS = b"4\r\ntwel\r\n8\r\nve bytes\r\n0\r\n\r\n"
LENGTH = b"Content-Length: 12\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

SPACES = (
    b"",
    b" ",
    b"\t",
    b" \t ",
    b"\t\t",
    b"\x0b",
    b"\x0c",
    b"\r",
    b"\r\r",
    b"\n",
    b"\r\n ",
    b"\r\n\t",
    b"\0",
    b"\xa0",
)
HEADERS: dict[str, tuple[bytes, bytes, bytes, bytes]] = {
    "host": (b"Host", b"flow.example", LENGTH, BODY),
    "content-length": (b"Content-Length", b"12", b"Host: a\r\n", BODY),
    "transfer-encoding": (b"Transfer-Encoding", b"chunked", b"Host: a\r\n", CHUNKS),
    "connection: close": (b"Connection", b"close", b"Host: a\r\n" + LENGTH, BODY),
    "connection: keep-alive": (b"Connection", b"keep-alive", b"Host: a\r\n" + LENGTH, BODY),
    "connection: upgrade": (b"Connection", b"Upgrade", b"Host: a\r\nUpgrade: h2c\r\n" + LENGTH, BODY),
    "expect": (b"Expect", b"100-continue", b"Host: a\r\n" + LENGTH, BODY),
    "upgrade": (b"Upgrade", b"h2c", b"Host: a\r\nConnection: Upgrade\r\n" + LENGTH, BODY),
}


@dataclass
class Application:
    """Records the requests that reach it, and those whose body arrived."""

    begun: list[str] = field(default_factory=list)
    served: list[tuple[str, bytes]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.begun.append(request.url.path)
        body = await request.body()
        self.served.append((request.url.path, body))
        await Response(b"ok")(scope, receive, send)


def spellings(name: bytes, value: bytes) -> list[bytes]:
    """Return the field lines with each kind of space in each position."""
    middle = len(value) // 2
    forms = [b"%(name)s:%(s)s%(value)s", b"%(name)s: %(value)s%(s)s", b"%(name)s: %(a)s%(s)s%(b)s"]
    forms += [b"%(name)s%(s)s: %(value)s", b"%(s)s%(name)s: %(value)s", b"%(name)s:%(s)s%(value)s%(s)s"]
    forms += [b"%(name)s: %(value)s,%(s)s", b"%(name)s: ,%(s)s%(value)s", b"%(name)s: %(value)s%(s)s;q=1"]
    parts = {b"name": name, b"value": value, b"a": value[:middle], b"b": value[middle:]}
    lines = {form % {**parts, b"s": space} for form in forms for space in SPACES}
    return sorted(line for line in lines if not line.startswith(b"\r\n"))  # which would end the head


async def exchanged(server: BoundedServer, app: Application, sent: bytes) -> list[int]:
    """Return the final statuses after `sent` and one more request, once none of them is open."""
    app.begun.clear()
    app.served.clear()
    received = statuses(await server.exchange(sent + LAST))
    await eventually(lambda: server.tasks == 0)
    return [status for status in received if status != 100]


@pytest.mark.parametrize("header", HEADERS)
async def test_a_request_is_served_once_or_refused_without_a_trace(header: str) -> None:
    name, value, others, body = HEADERS[header]
    app = Application()
    async with bounded_server(app) as server:
        for line in spellings(name, value):
            received = await exchanged(server, app, b"POST /first HTTP/1.1\r\n" + others + line + b"\r\n\r\n" + body)
            if received[0] == 200:
                expected = [("/first", BODY), ("/last", b"")][: len(received)]
                assert (app.begun, app.served) == ([path for path, _ in expected], expected), line
                assert received == [200] * len(expected), line
            else:
                assert (received, app.begun) in (([400], []), ([417], [])), line


@pytest.mark.parametrize("rest", [b"", b"0\r\n\r\n", CHUNKS])
async def test_a_coding_that_only_the_parser_refuses_does_not_reach_the_application(rest: bytes) -> None:
    app = Application()
    async with bounded_server(app) as server:
        for value in (b"chunked\t", b"chunked \t ", b"\tchunked\t"):
            head = b"DELETE /key HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: " + value + b"\r\n\r\n"
            assert await exchanged(server, app, head + rest) == [400], value
            assert app.begun == [], value


@pytest.mark.parametrize(
    "broken", [b"2\r\n{}}\r\n0\r\n\r\n", b"zz\r\n", b"0\r\nContent-Length: 1\r\n\r\n", b"0\r\n\0: a\r\n\r\n"]
)
async def test_an_application_that_waits_for_a_malformed_body_sees_a_disconnect(broken: bytes) -> None:
    app = Application()
    head = b"POST /first HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with bounded_server(app) as server:
        assert await exchanged(server, app, head + broken) == [400]
        assert app.served == []


@pytest.mark.parametrize("next_", [b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /next HTTP/1.1\r\n\r\n"])
async def test_the_first_of_two_pipelined_requests_sees_the_disconnect(next_: bytes) -> None:
    begun: list[str] = []

    async def wait_for_disconnect(scope: Scope, receive: Receive, _: Send) -> None:
        begun.append(scope["path"])
        while (await receive())["type"] != "http.disconnect":
            pass

    async with bounded_server(wait_for_disconnect) as server:
        await _send_and_close(server, b"GET /first HTTP/1.1\r\nHost: a\r\n\r\n" + next_, begun)
        await eventually(lambda: server.tasks == 0)
        assert begun == ["/first"]


async def _send_and_close(server: BoundedServer, sent: bytes, begun: list[str]) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(sent)
    await eventually(lambda: begun)
    writer.close()


async def test_a_malformed_call_takes_no_slot_in_the_admission_gate() -> None:
    async with running_system(admission_gate_max_inflight=2) as system, bounded_server(system.app) as server:
        head = f"POST /api/workflows/W/execute HTTP/1.1\r\nHost: a\r\nX-API-Key: {system.key}\r\nConnection: close\r\n"
        for _ in range(3):
            malformed = head.encode() + b"Transfer-Encoding: chunked\t\r\n\r\n"
            assert statuses(await server.exchange(malformed)) == [400]
        call = head.encode() + b"Content-Length: 2\r\n\r\n{}"
        assert statuses(await server.exchange(call)) == [200]
        assert server.tasks == 0
        assert len(system.worker.runs) == 1
