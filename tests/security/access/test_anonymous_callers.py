"""Callers without a key reach only public resources, in their live version, and count against the gateway's bounds."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from tests.support.eventually import eventually
from tests.support.gateway import agent_calls, published_chat, tool_calls
from tests.support.gateway.system import System, running_system
from tests.support.gateway.worker import Send

from gateway.access.credentials import SECURE_COOKIE, SESSION_COOKIE
from shared.contracts.runs import RunSpec

MESSAGE = {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "Hello"}]}
ENDPOINTS: dict[str, tuple[str, Any]] = {
    "legacy": ("/api/workflows/W/execute", {}),
    "v2": ("/api/v2/workflows/W/execute", {}),
    "OpenAI": ("/v1/chat/completions", {"model": "W", "messages": [{"role": "user", "content": "Hello"}]}),
    "chat": ("/api/chat/help-desk", {"input": "Hello"}),
    "MCP": ("/api/mcp/serve/S1", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "workflow_w"}}),
    "A2A": (agent_calls.SERVE, {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": MESSAGE}}),
}
HEADERS = {
    "content-type": "application/json",
    "accept": "application/json, text/event-stream",
    "a2a-version": "1.0",
}


@pytest.fixture
async def full() -> AsyncIterator[System]:
    """A gateway whose workflow is public in every API, with all admission slots taken."""

    async def never_ends(run: RunSpec, send: Send) -> None:
        """Log nothing."""

    async with running_system(admission_gate_max_inflight=1) as system:
        await published_chat.publish(system)
        await tool_calls.publish(system, isPublic=True)
        await agent_calls.publish(system)
        system.deployments.put("W", public=True)
        system.worker.perform = never_ends
        call = system.execute_call({})
        await eventually(lambda: system.worker.runs)
        yield system
        await call.disconnect()


@pytest.mark.parametrize("cookie", [SESSION_COOKIE, SECURE_COOKIE])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_an_invalid_session_does_not_bypass_a_full_gate(full: System, endpoint: str, cookie: str) -> None:
    path, body = ENDPOINTS[endpoint]
    headers = {**HEADERS, "cookie": f"{cookie}=invented"}
    answer = await full.request("POST", path, headers=headers, body=msgspec.json.encode(body))
    assert answer.status == 429, answer.body
    assert b"Server is at capacity" in answer.body
    assert len(full.worker.runs) == 1


@pytest.mark.parametrize("page", ["openapi.json", "samples"])
async def test_the_public_reads_the_live_version_of_a_public_workflow_only(system: System, page: str) -> None:
    path = f"/api/workflows/W/{page}"
    await published_chat.publish(system)
    system.deployments.put("W", public=True, version=2)
    system.clock.advance(2)
    assert (await system.get(path, key=None)).status == 200
    for version in ("1", "2", "3", ""):
        assert (await system.get(f"{path}?version={version}", key=None)).status == 400
    assert (await system.get(f"{path}?version=2")).status == 200
