"""Trailers are not trusted: no key in one runs a workflow, no address in one counts."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.support.gateway.system import System, running_system

EXECUTE = b"POST /api/workflows/W/execute HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"


@pytest.fixture
async def system() -> AsyncIterator[System]:
    async with running_system(trusted_proxies=("127.0.0.1",), rate_limit_public_address=2) as started:
        yield started


async def exchange(port: int, sent: bytes) -> bytes:
    """Return all bytes until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    received = await asyncio.wait_for(reader.read(), 30)
    writer.transport.abort()
    return received


@pytest.mark.parametrize("name", ["x-api-key", "X-API-Key", "Authorization"])
async def test_a_key_in_a_trailer_grants_no_access(system: System, port: int, name: str) -> None:
    shown = f"Bearer {system.key}" if name == "Authorization" else system.key
    trailer = f"{name}: {shown}\r\n".encode()
    received = await exchange(port, EXECUTE + b"\r\n2\r\n{}\r\n0\r\n" + trailer + b"\r\n")
    assert received.startswith(b"HTTP/1.1 401")
    assert system.worker.runs == []


async def test_an_address_in_a_trailer_does_not_replace_that_of_the_proxy(system: System, port: int) -> None:
    system.deployments.put("P", public=True)
    statuses = []
    for number in range(6):
        head = EXECUTE.replace(b"/W/", b"/P/") + b"X-Forwarded-For: 198.51.100.7\r\n\r\n"
        trailer = b"X-Forwarded-For: 203.0.113.%d\r\n" % number
        received = await exchange(port, head + b"2\r\n{}\r\n0\r\n" + trailer + b"\r\n")
        statuses.append(received.split()[1])
    assert statuses[-1] == b"429"
