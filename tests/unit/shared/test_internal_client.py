"""Connections between our services, against a server whose every byte the test decides."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from pydantic import SecretStr
from tests.support.left_behind import without_collections

from shared.errors import OutcomeUncertain, Unavailable
from shared.security.current_ticket import using_ticket
from shared.service import ServiceName
from shared.web.client import InternalClient
from shared.web.internal_auth import ServiceTokens

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


class Server:
    """Reads a request, and lets the test write the answer; counts connections."""

    def __init__(self, answer: Callable[[asyncio.StreamWriter, bytes], Awaitable[None]]) -> None:
        self._answer = answer
        self.connections = 0
        self.heads: list[bytes] = []
        self.writers: list[asyncio.StreamWriter] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                await self._answer(writer, await reader.readexactly(int(length.partition(b":")[2])))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@asynccontextmanager
async def serving(server: Server, *, seconds: float = 30) -> AsyncIterator[InternalClient]:
    async with await asyncio.start_server(server, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        tokens = ServiceTokens({ServiceName.GATEWAY: SecretStr("s3cret")})
        client = InternalClient(f"http://127.0.0.1:{port}", caller=ServiceName.GATEWAY, tokens=tokens, timeout=seconds)
        yield client
        await client.stop()
        for writer in server.writers:
            writer.close()


def unserved() -> InternalClient:
    """Return a client of a port where no process listens."""
    with socket.create_server(("127.0.0.1", 0)) as closing:
        port = closing.getsockname()[1]
    tokens = ServiceTokens({ServiceName.GATEWAY: SecretStr("s3cret")})
    return InternalClient(f"http://127.0.0.1:{port}", caller=ServiceName.GATEWAY, tokens=tokens, timeout=30)


async def at_once(writer: asyncio.StreamWriter, body: bytes) -> None:
    writer.write(ANSWER)


async def echo(writer: asyncio.StreamWriter, body: bytes) -> None:
    """Split the answer at arbitrary points."""
    message = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    third = len(message) // 3
    for piece in (message[:third], message[third : 2 * third], message[2 * third :]):
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)


async def never(writer: asyncio.StreamWriter, body: bytes) -> None:
    """Read the request, and send nothing."""


async def cut(writer: asyncio.StreamWriter, body: bytes) -> None:
    writer.close()


async def test_errors_for_callers_contain_no_address_of_a_service() -> None:
    async with serving(Server(cut)) as client:
        with pytest.raises(Unavailable) as raised:
            await client.call("GET", "/snapshots/1")
        assert raised.value.message == "An internal service does not respond"  # the error of a block has the same form


@pytest.mark.parametrize("answer", [never, cut])
async def test_a_change_that_is_not_answered_may_have_been_made_and_a_question_only_was_not_answered(
    answer: Callable[[asyncio.StreamWriter, bytes], Awaitable[None]],
) -> None:
    async with serving(Server(answer), seconds=0.2) as client:
        with pytest.raises(OutcomeUncertain):
            await client.call("POST", "/internal/workflows/W/deploy", body={})
        with pytest.raises(Unavailable) as unanswered:
            await client.call("GET", "/internal/workflows/W")
    assert type(unanswered.value) is Unavailable


async def test_sequential_calls_use_one_connection() -> None:
    server = Server(at_once)
    async with serving(server) as client:
        for _ in range(5):
            await client.call("POST", "/internal/runs", body={})
    assert server.connections == 1
    assert b"POST /internal/runs HTTP/1.1" in server.heads[0]
    assert b"authorization: Bearer" in server.heads[0]


async def test_concurrent_calls_get_their_own_answers() -> None:
    async with serving(Server(echo)) as client:
        bodies = [{"n": n, "text": "x" * n} for n in range(150)]
        answers = await asyncio.gather(*(client.call("POST", "/", body=body, returns=dict) for body in bodies))
    assert answers == bodies


async def test_ten_megabytes_are_returned_whole() -> None:
    async with serving(Server(echo)) as client:
        body = bytes(range(256)) * 40_000
        assert await client.fetch("POST", "/", body=body) == body


async def test_a_connection_that_was_closed_while_idle_is_not_used() -> None:
    server = Server(at_once)
    async with serving(server) as client:
        await client.call("POST", "/", body={})
        server.writers[0].close()
        await server.writers[0].wait_closed()
        await asyncio.sleep(0.01)
        await client.call("POST", "/", body={})
    assert server.connections == 2


async def test_a_connection_that_the_server_closes_is_not_reused() -> None:
    async def closing(writer: asyncio.StreamWriter, body: bytes) -> None:
        writer.write(ANSWER.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))

    server = Server(closing)
    async with serving(server) as client:
        await client.call("POST", "/", body={})
        await client.call("POST", "/", body={})
    assert server.connections == 2


@pytest.mark.parametrize("answer", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort", b""])
async def test_an_incomplete_or_invalid_answer_is_unavailability(answer: bytes) -> None:
    async def breaking(writer: asyncio.StreamWriter, body: bytes) -> None:
        writer.write(answer)
        writer.close()

    async with serving(Server(breaking)) as client:
        with pytest.raises(Unavailable):
            await client.call("POST", "/", body={})


async def test_a_late_answer_reaches_no_other_caller() -> None:
    """Its caller has given up; the next caller receives its own answer."""
    slow = asyncio.Event()

    async def late(writer: asyncio.StreamWriter, body: bytes) -> None:
        if body == b"first":
            await slow.wait()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))

    async with serving(Server(late)) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.fetch("POST", "/", body=b"first"), 0.1)
        slow.set()
        assert await client.fetch("POST", "/", body=b"second") == b"second"


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/internal/runs/a%2Fb?limit=1&cursor=x%3D", b"/internal/runs/a%2Fb?limit=1&cursor=x%3D"),
        ("/internal/runs/a b?q=\u00e9", b"/internal/runs/a%20b?q=%C3%A9"),
        ("/internal/runs/../keys", b"/internal/keys"),
        ("/internal/runs/a.b", b"/internal/runs/a.b"),
    ],
)
async def test_a_path_is_sent_escaped_and_without_segments_of_dots(path: str, target: bytes) -> None:
    server = Server(at_once)
    async with serving(server) as client:
        await client.call("POST", path, body={})
    assert server.heads[0].split(b" ")[1] == target


async def test_a_line_break_in_a_header_sends_nothing() -> None:
    server = Server(at_once)
    async with serving(server) as client:
        with using_ticket("ticket\r\nx-forged: yes"), pytest.raises(Unavailable):
            await client.call("GET", "/internal/runs")
    assert server.heads == []


async def test_a_closed_port_is_unavailability() -> None:
    client = unserved()
    with pytest.raises(Unavailable):
        await client.call("POST", "/", body={})
    await client.stop()


class Input(dict[str, str]):
    """Body of a caller."""


async def test_a_body_sent_on_a_broken_connection_is_freed_without_a_garbage_collection() -> None:
    async with serving(Server(cut)) as client:
        assert await remains_of_call(client) == []


async def test_an_unsent_body_is_freed_without_a_garbage_collection() -> None:
    client = unserved()
    assert await remains_of_call(client) == []
    await client.stop()


async def remains_of_call(client: InternalClient) -> list[str]:
    """Return the input of a failed call, if it is still in memory."""
    with without_collections() as remains:
        with suppress(Unavailable):
            await client.call("POST", "/internal/runs", body=Input())
        await asyncio.sleep(0)
        return remains.of(Input)
