"""A service's server and unusual callers."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from tests.support.eventually import PATIENCE_SECONDS, until
from tests.support.service_process import ENVIRONMENT, WITHOUT_SANDBOX, is_up, service

LARGE = 8 * 1024 * 1024


@asynccontextmanager
async def connection(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("waits", [0, 1])
def test_a_service_that_cannot_start_ends_with_a_one_line_reason(free_port: int, waits: int) -> None:
    """After the traceback, also if it first waited for its broker: people and log collectors read the last line."""
    command = [sys.executable, "-c", WITHOUT_SANDBOX, str(free_port), str(waits)]
    ended = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False)
    last = json.loads(ended.stderr.splitlines()[-1])
    assert (last["event"], last["level"]) == ("service_start_failed", "error")
    assert last["reason"] == "this host cannot confine user code"
    assert ended.returncode == 3


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
async def test_a_protocol_upgrade_is_answered_in_http(protocol: bytes, free_port: int) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: %b\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n"
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
    async with (
        service(free_port),
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{free_port}", timeout=PATIENCE_SECONDS) as caller,
    ):
        await until(lambda: is_up(caller))
        async with connection(free_port) as (reader, writer):
            for more in (upgrade % (protocol, b"dGhlIHNhbXBsZSBub25jZQ=="), b"Connection: close\r\n"):
                writer.write(request + more + b"\r\n")
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
                assert head.startswith(b"HTTP/1.1 200")
                assert await reader.readexactly(15) == b'{"status":"ok"}'


async def test_an_early_answer_is_received_where_the_connection_then_closes(
    free_port: int,
) -> None:
    head = b"POST /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % LARGE
    async with (
        service(free_port),
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{free_port}", timeout=PATIENCE_SECONDS) as caller,
    ):
        await until(lambda: is_up(caller))
        async with connection(free_port) as (reader, writer):
            writer.write(head + b"x" * LARGE)
            await asyncio.wait_for(writer.drain(), 30)  # send all of it, and only then read the answer
            assert (await asyncio.wait_for(reader.read(), 30)).startswith(b"HTTP/1.1 404")
