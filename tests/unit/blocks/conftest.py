"""Servers for HTTP and MCP blocks, the client that calls them, and the threads that compile code."""

import threading
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.support.blocks.http_calls import Api
from tests.support.blocks.mcp_server import ToolServer
from tests.support.http_stub import HttpStub

from shared.net import OutboundClient
from shared.workflow.compile.code_references import CodeTemplate, Key


@pytest.fixture
async def stub() -> AsyncIterator[HttpStub]:
    async with HttpStub() as running:
        yield running


@pytest.fixture
async def outbound() -> AsyncIterator[OutboundClient]:
    client = OutboundClient(["localhost"])
    yield client
    await client.stop()


@pytest.fixture
def server() -> Iterator[ToolServer]:
    with ToolServer() as server:
        yield server


@pytest.fixture
def api(stub: HttpStub, outbound: OutboundClient) -> Api:
    return Api(stub, outbound)


@pytest.fixture
def compiling_threads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the threads that compile variants of code, in order: the list grows while the test runs."""
    threads: list[int] = []
    without = CodeTemplate.without

    def recording(template: CodeTemplate, keys: frozenset[Key]) -> CodeTemplate:
        if keys not in template.variants:
            threads.append(threading.get_ident())
        return without(template, keys)

    monkeypatch.setattr(CodeTemplate, "without", recording)
    return threads
