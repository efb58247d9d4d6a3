"""A connection closes when it was idle for the keep-alive time, which begins after each response."""

import asyncio

from starlette.responses import PlainTextResponse
from tests.support.bounded_server import BoundedServer, bounded_server
from tests.support.eventually import PATIENCE_SECONDS

from shared.web.bounded_http import BoundedHttp

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def connection_to(server: BoundedServer) -> BoundedHttp:
    (connection,) = server.state.connections
    assert isinstance(connection, BoundedHttp)
    return connection


async def test_the_idle_time_begins_after_each_response() -> None:
    async with bounded_server(PlainTextResponse("here")) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        for _ in range(2):
            writer.write(REQUEST)
            await reader.readuntil(b"here")
        connection = connection_to(server)
        connection._check_idle_time()  # the timer of the first idle time ends
        assert not connection.transport.is_closing()
        connection.timeout_keep_alive = 0
        connection._check_idle_time()
        assert await asyncio.wait_for(reader.read(), PATIENCE_SECONDS) == b""
        writer.close()


async def test_no_idle_time_passes_while_a_request_is_answered() -> None:
    called, released = asyncio.Event(), asyncio.Event()

    async def slow(scope: object, receive: object, send: object) -> None:
        called.set()
        await released.wait()
        await PlainTextResponse("here")(scope, receive, send)  # type: ignore[arg-type]

    async with bounded_server(slow) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(REQUEST)
        await called.wait()
        connection = connection_to(server)
        connection.timeout_keep_alive = 0
        connection._check_idle_time()
        assert not connection.transport.is_closing()
        released.set()
        assert await asyncio.wait_for(reader.readuntil(b"here"), PATIENCE_SECONDS)
        assert await asyncio.wait_for(reader.read(), PATIENCE_SECONDS) == b""
        writer.close()
