"""An HTTP server that sends scripted bytes, well-formed or not."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Received:
    """A received request. Header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Speak = Callable[[Received, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class RawServer:
    """Received requests in order, and the number of their connections."""

    port: int = 0
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Base URL, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"


def answer(
    status: str = "200 OK", body: bytes = b"", headers: tuple[str, ...] = (), *, has_length: bool = True
) -> bytes:
    """Return the bytes of a response."""
    length = (f"Content-Length: {len(body)}",) if has_length else ()
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, *length, "", ""]).encode() + body


def saying(*parts: bytes) -> Speak:
    """Return a handler that answers every request with the parts."""

    async def speak(request: Received, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()

    return speak


@asynccontextmanager
async def raw_server(speak: Speak, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    """Serve on a free port of loopback until the block ends."""
    record = RawServer()
    tasks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
    is_over = False

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if is_over:  # accepted just before
            writer.transport.abort()
            return
        task = asyncio.ensure_future(_converse(record, speak, reader, writer))
        tasks[task] = writer
        task.add_done_callback(tasks.pop)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    record.port = server.sockets[0].getsockname()[1]
    try:
        yield record
    finally:
        is_over = True
        server.close()
        for task, writer in tasks.items():
            task.cancel()
            writer.transport.abort()  # a conversation that has not begun yet never will, and closes nothing
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


async def _converse(
    record: RawServer, speak: Speak, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    record.connections += 1
    try:
        while not writer.is_closing():
            request = await _read(reader)
            record.requests.append(request)
            await speak(request, writer)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        record.hung_up.set()
    finally:
        writer.transport.abort()


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("utf-8").split("\r\n")
    method, target, _ = head[0].split(" ")
    headers = dict(_header(line) for line in head[1:] if line)
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, target, headers, body)


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.lower(), value.strip()
