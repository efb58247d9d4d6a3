"""A small HTTP server that sends scripted answers only: no Date header, no Server header.

Without a scripted answer it echoes the request. `/slow` answers after a delay.
"""

import asyncio
import json
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

SLOW_SECONDS = 4.0
CLOSING_SECONDS = 5.0
DRIP_SECONDS = 0.01


@dataclass(frozen=True)
class Answer:
    """One answer. `headers` extend Content-Type, which is JSON. An answer that `hangs` or `drips` never ends."""

    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False
    drips: bool = False


@dataclass(frozen=True)
class ReceivedRequest:
    """A received request. Header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: str


class HttpStub:
    """`async with HttpStub() as stub:`; gives the answers in order and repeats the last one."""

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self._answers: deque[Answer] = deque()
        self.requests: list[ReceivedRequest] = []
        self._serving: set[asyncio.Task[object]] = set()
        self._closing = asyncio.Event()

    def answer(self, *answers: Answer) -> None:
        """Set the answers."""
        self._answers.extend(answers)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        self._server.close()
        if self._serving:
            _answered, still = await asyncio.wait(self._serving, timeout=CLOSING_SECONDS)
            assert not still, "a connection to the stub is still open"

    @property
    def port(self) -> int:
        """Loopback port of the server."""
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Register the connection. The event loop calls this for one accepted just before the end only after it."""
        if self._closing.is_set():
            writer.transport.abort()
            return
        self._serving.add(serving := asyncio.ensure_future(self._serve(reader, writer)))
        serving.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await _read(reader)
            self.requests.append(request)
            if request.target.startswith("/slow"):
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), SLOW_SECONDS)
            answer = self._next(request)
            writer.write(_bytes(answer))
            await writer.drain()
            if answer.hangs:
                await reader.read()
            while answer.drips and not reader.at_eof():
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(DRIP_SECONDS)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _next(self, request: ReceivedRequest) -> Answer:
        if self._answers:
            return self._answers.popleft() if len(self._answers) > 1 else self._answers[0]
        return Answer(body=json.dumps({"path": request.target, "method": request.method, "body": request.body}))


def answer_of(stub: dict[str, Any]) -> Answer:
    """Build an answer from the format of the cases: `{status, json or raw, headers}`."""
    body = stub["raw"] if "raw" in stub else json.dumps(stub.get("json"))
    return Answer(stub.get("status", 200), body, stub.get("headers", {}))


async def _read(reader: asyncio.StreamReader) -> ReceivedRequest:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return ReceivedRequest(method, target, headers, body.decode(errors="replace"))


def _bytes(answer: Answer) -> bytes:
    headers = {"content-type": "application/json", **answer.headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.0 {answer.status} {_REASONS.get(answer.status, '')}\r\n{head}\r\n{answer.body}".encode()


_REASONS = {
    200: "OK",
    204: "No Content",
    302: "Found",
    404: "Not Found",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
