"""The gateway behind a real HTTP server: behavior that only sockets show."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI
from tests.support.eventually import eventually
from tests.support.gateway.system import System, running_system
from tests.support.gateway.worker import Send

from flowport.local.asgi_server import listen, port_of, serve_app
from shared.contracts.events import Chunk, RunStarted
from shared.contracts.runs import RunSpec

MIB = 1024 * 1024


@dataclass
class Wire:
    """One connection, byte by byte."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, key: str, body: bytes, *, length: int | None = None) -> None:
        head = (
            f"POST /api/workflows/W/execute HTTP/1.1\r\nHost: x\r\nx-api-key: {key}\r\n"
            f"X-Execution-Id: E1\r\nContent-Length: {len(body) if length is None else length}\r\n\r\n"
        )
        self.writer.write(head.encode() + body)
        await self.writer.drain()

    async def status(self) -> int:
        return int((await asyncio.wait_for(self.reader.readline(), 30)).split()[1])

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


@dataclass
class Served:
    """A gateway that listens."""

    system: System
    port: int

    @asynccontextmanager
    async def connection(self, *, limit: int = 65536) -> AsyncIterator[Wire]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=limit)
        wire = Wire(reader, writer)
        yield wire
        writer.transport.abort()


@asynccontextmanager
async def serve(**settings: Any) -> AsyncIterator[Served]:
    async with running_system(**settings) as system:
        listening = listen(0)
        port = port_of(listening)
        running = FastAPI(title="gateway")
        running.middleware_stack = system.app  # which has been started already
        async with serve_app(running, listening):
            yield Served(system, port)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serve() as running:
        yield running


async def begins(run: RunSpec, send: Send) -> None:
    await send(0, [RunStarted(), Chunk("B", "one")])


async def test_a_sync_caller_that_disconnects_cancels_the_run(served: Served) -> None:
    served.system.worker.perform = begins
    async with served.connection() as wire:
        await wire.send(served.system.key, b"{}")
        await eventually(lambda: served.system.worker.runs)
        await wire.close()
    await eventually(lambda: served.system.worker.cancelled == ["E1@WS1"])


async def test_a_stream_reader_that_disconnects_cancels_the_run(served: Served) -> None:
    served.system.worker.perform = begins
    async with served.connection() as wire:
        await wire.send(served.system.key, json.dumps({"stream": True}).encode())
        await wire.reader.readuntil(b'{"blockId":"B","chunk":"one"}\n\n')
        await wire.close()
    await eventually(lambda: served.system.worker.cancelled == ["E1@WS1"])


async def test_the_head_of_a_stream_arrives_before_its_first_event(served: Served) -> None:
    async def silent(run: RunSpec, send: Send) -> None:
        """Log nothing."""

    served.system.worker.perform = silent
    async with served.connection() as wire:
        await wire.send(served.system.key, json.dumps({"stream": True}).encode())
        head = await asyncio.wait_for(wire.reader.readuntil(b"\r\n\r\n"), 30)
    assert head.startswith(b"HTTP/1.1 200")
    assert b"content-type: text/event-stream\r\n" in head


@pytest.mark.parametrize(("key", "status"), [("wrong", 401), ("", 413)])
async def test_a_large_body_is_answered_whether_or_not_it_is_sent(served: Served, key: str, status: int) -> None:
    async with served.connection() as wire:
        await wire.send(key or served.system.key, b"{", length=11 * MIB)
        assert await wire.status() == status
    async with served.connection() as wire:
        sending = asyncio.create_task(wire.send(key or served.system.key, b"x" * 11 * MIB))
        assert await wire.status() == status
        sending.cancel()


@pytest.mark.parametrize(("key", "status"), [("wrong", 401), ("", 413)])
async def test_a_caller_that_closes_after_the_answer_receives_it_while_still_sending(
    served: Served, key: str, status: int
) -> None:
    body = b"x" * 11 * MIB
    async with served.connection() as wire:
        wire.writer.write(
            f"POST /api/workflows/W/execute HTTP/1.1\r\nHost: x\r\nx-api-key: {key or served.system.key}\r\n"
            f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        await asyncio.wait_for(wire.writer.drain(), 30)  # send all of it, and only then read the answer
        answer = await asyncio.wait_for(wire.reader.read(), 30)
    assert int(answer.split()[1]) == status
    assert b"connection: close" in answer


async def test_a_connection_is_reused_after_each_response(served: Served) -> None:
    async with served.connection() as wire:
        for _ in range(2):
            await wire.send("wrong", b"{}")
            assert await wire.status() == 401
            head = await wire.reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await wire.reader.readexactly(length)


async def test_a_stalled_reader_is_disconnected_and_others_are_served() -> None:
    async def pours(run: RunSpec, send: Send) -> None:
        for seq in range(400):
            await send(seq, [Chunk("B", "x" * 100_000)])
            await asyncio.sleep(0.001)

    async with serve(stream_write_seconds=0.5) as served:
        system = served.system
        system.worker.perform = pours
        async with served.connection(limit=1024) as wire:
            await wire.send(system.key, json.dumps({"stream": True}).encode())
            await eventually(lambda: "E1@WS1" in system.worker.cancelled)
            system.worker.perform = None
            assert (await system.execute({"q": 1})).status == 200


async def test_a_key_revoked_while_the_body_is_received_starts_no_stream(served: Served) -> None:
    body = json.dumps({"stream": True}).encode()
    async with served.connection() as wire:
        await wire.send(served.system.key, body[:5], length=len(body))
        await eventually(lambda: served.system.tenants.finds)
        served.system.tenants.revoke(served.system.key)
        served.system.clock.advance(1)
        wire.writer.write(body[5:])
        assert await wire.status() == 401
    assert served.system.worker.runs == []


async def test_a_head_request_leaves_its_connection_usable(served: Served) -> None:
    async with served.connection() as wire:
        for method in ("HEAD", "HEAD", "GET"):
            wire.writer.write(f"{method} /healthz HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            head = await asyncio.wait_for(wire.reader.readuntil(b"\r\n\r\n"), 30)
            assert head.startswith(b"HTTP/1.1 200")
            assert b"content-length: 15" in head
        assert await wire.reader.readexactly(15) == b'{"status":"ok"}'
