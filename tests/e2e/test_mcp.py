"""Workflows as tools, with the official MCP client, unmodified."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, TextContent
from tests.support.keys import key_with_limit
from tests.support.public_api import PublicApi
from tests.support.workflow_files import START, function, start, workflow

from flowport.local.stack import Stack

SERVERS = "/api/mcp/workflow-servers"


@asynccontextmanager
async def client_of(url: str, key: str | None = None, *, mode: str = "auto") -> AsyncIterator[Client]:
    headers = {"x-api-key": key} if key else {}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield client


def text_of(result: CallToolResult) -> str:
    assert isinstance(result.content[0], TextContent)
    return result.content[0].text


async def publish(api: PublicApi, **server: Any) -> dict[str, Any]:
    """Publish a server with a tool that adds and one that fails."""
    adds = function("f1", "return <start.a> + <start.b>")
    adder = await api.publish(workflow("Add two Numbers", [start(a="number", b="number"), adds], (START, "f1")))
    throws = function("f1", 'throw new Error("boom")')
    broken = await api.publish(workflow("Broken", [start(), throws], (START, "f1")))
    body = {"name": "Desk", "workflowIds": [adder, broken], "workspaceId": api.workspace_id, **server}
    answer = await api.http.post(SERVERS, json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()["data"]
    return made


def key_of(api: PublicApi) -> str:
    return str(api.http.headers["x-api-key"])


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_workflows_are_listed_and_called(api: PublicApi, mode: str) -> None:
    made = await publish(api)
    described = {"toolDescription": "Adds.", "parameterDescriptions": {"a": "The first one."}}
    tool_id = made["tools"][0]["id"]
    await api.http.patch(f"{SERVERS}/{made['server']['id']}/tools/{tool_id}", json=described)
    async with client_of(made["server"]["url"], key_of(api), mode=mode) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert list(tools) == ["add_two_numbers", "broken"]
        adds = tools["add_two_numbers"]
        assert adds.description == "Adds."
        assert adds.input_schema["properties"]["a"]["type"] == "number"
        assert adds.input_schema["properties"]["a"]["description"] == "The first one."
        result = await client.call_tool("add_two_numbers", {"a": 2, "b": 3})
        assert not result.is_error
        assert '"result": 5' in text_of(result)
        failed = await client.call_tool("broken", {})
        assert failed.is_error
        assert "boom" in text_of(failed)
        with pytest.raises(MCPError, match="Unknown tool"):
            await client.call_tool("nothing", {})


async def test_undeployed_workflows_are_not_offered(api: PublicApi) -> None:
    made = await publish(api)
    await api.http.delete(f"/api/workflows/{made['tools'][0]['workflowId']}/deploy")
    async with client_of(made["server"]["url"], key_of(api)) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["broken"]
        with pytest.raises(MCPError, match="not deployed"):
            await client.call_tool("add_two_numbers", {"a": 1, "b": 1})


async def test_only_a_public_server_accepts_callers_without_a_key(api: PublicApi) -> None:
    made = await publish(api)
    url = made["server"]["url"]
    async with httpx2.AsyncClient(timeout=30) as http:
        assert (await http.post(url, json={})).status_code == 401
        assert (await http.post(url, json={}, headers={"x-api-key": "sk-sim-wrong"})).status_code == 401
    await api.http.patch(f"{SERVERS}/{made['server']['id']}", json={"isPublic": True})
    async with client_of(url) as client:
        assert '"result": 5' in text_of(await client.call_tool("add_two_numbers", {"a": 2, "b": 3}))


async def test_a_rate_limited_call_has_a_retry_time(api: PublicApi, stack: Stack) -> None:
    made = await publish(api)
    async with client_of(made["server"]["url"], await key_with_limit(stack, api, 1)) as client:
        with pytest.raises(MCPError) as refused:
            for _ in range(10):
                await client.call_tool("add_two_numbers", {"a": 1, "b": 1})
    assert refused.value.data["code"] == "RATE_LIMIT_EXCEEDED"
    assert refused.value.data["retryAfterSeconds"] >= 1


async def test_a_get_request_describes_the_server(api: PublicApi) -> None:
    url = (await publish(api))["server"]["url"]
    look = (await api.http.get(url)).json()
    assert look == {
        "name": "Desk",
        "version": "1.0.0",
        "protocolVersion": "2024-11-05",
        "capabilities": {"tools": {}},
    }
    assert (await api.http.get(url, headers={"accept": "text/event-stream"})).status_code == 405
