"""An agent can use the tools of MCP servers: it lists them, calls them and passes on their results."""

from typing import Any

from tests.support.blocks.agents import Adding, Model
from tests.support.blocks.mcp_server import NamingServer, ToolServer, WordyServer
from tests.support.blocks.runs import INPUT, engine_of, failure, run
from tests.support.workflow_states import block, chain

from executor_service.blocks.agent import AgentHandler, ToolBuilder
from executor_service.blocks.agent.mcp_tools import DESCRIPTIONS_TOO_LARGE, MAX_DESCRIPTION_CHARACTERS
from executor_service.blocks.mcp import McpServers
from executor_service.engine import RunResult
from executor_service.providers import Role, ToolCall, Turn
from shared.net import OutboundClient
from shared.workflow.format.js_values import JsonObject

ADDS = ToolCall("c1", "mcp-127_0_0_1-add", '{"a": 2, "b": 3}')


async def ask(outbound: OutboundClient, model: Model, *tools: Any) -> RunResult:
    settings: JsonObject = {
        "model": "vllm/m",
        "messages": [{"role": "user", "content": "2 + 3?"}],
        "tools": list(tools),
    }
    agent = AgentHandler(model, ToolBuilder(Adding(), {}, McpServers(outbound)))
    return await run(chain(INPUT, block("a", "agent", "A", settings=settings)), engine_of({"agent": agent}))


def one(url: str, tool: str = "add", **more: Any) -> dict[str, Any]:
    return {
        "type": "mcp",
        "title": tool,
        "params": {"serverUrl": url, "toolName": tool, **more.pop("params", {})},
    } | more


async def test_a_tool_is_described_called_and_its_result_returned(server: ToolServer, outbound: OutboundClient) -> None:
    model = Model(Turn(tool_calls=(ADDS,)), Turn(content="5"))
    result = await ask(outbound, model, one(server.url))
    (tool,) = model.requests[0].tools
    assert (tool.name, tool.description) == ("mcp-127_0_0_1-add", "Add two numbers.")
    assert tool.parameters["required"] == ["a", "b"]
    result_message = model.requests[1].messages[-1]
    assert (result_message.role, result_message.content) == (Role.TOOL, '{"content":[{"type":"text","text":"5"}]}')
    (called,) = result.output["toolCalls"]["list"]
    assert (called["name"], called["arguments"], called["success"]) == ("mcp-127_0_0_1-add", {"a": 2, "b": 3}, True)
    assert (result.output["content"], server.calls) == ("5", 1)


async def test_a_server_offers_all_it_has(server: ToolServer, outbound: OutboundClient) -> None:
    model = Model(Turn(content="none needed"))
    await ask(outbound, model, {"type": "mcp-server", "params": {"serverUrl": server.url, "serverName": "my tools"}})
    names = [tool.name for tool in model.requests[0].tools]
    assert names == [f"mcp-my_tools-{name}" for name in ("add", "say", "break_down", "dawdle", "report")]


async def test_a_tool_with_an_authors_schema_is_not_queried(server: ToolServer, outbound: OutboundClient) -> None:
    schema = {"type": "object", "properties": {"text": {"type": "string"}}, "description": "Echoes"}
    model = Model(Turn(content="none needed"))
    await ask(outbound, model, one(server.url, "say", schema=schema))
    assert model.requests[0].tools[0].description == "Echoes"
    assert server.requests == []


async def test_a_server_is_queried_once_for_its_tools(server: ToolServer, outbound: OutboundClient) -> None:
    model = Model(Turn(content="none needed"))
    await ask(outbound, model, one(server.url, "add"))
    alone = len(server.requests)
    await ask(outbound, model, one(server.url, "add"), one(server.url, "say"))
    assert len(server.requests) == 2 * alone


async def test_values_of_the_author_are_hidden_and_win(server: ToolServer, outbound: OutboundClient) -> None:
    model = Model(Turn(tool_calls=(ToolCall("c", "mcp-127_0_0_1-say", '{"text": "hers"}'),)), Turn(content="ok"))
    result = await ask(outbound, model, one(server.url, "say", params={"text": "mine"}))
    assert model.requests[0].tools[0].parameters["properties"] == {}
    assert result.output["toolCalls"]["list"][0]["result"]["content"][0]["text"] == "mine"


async def test_the_failure_of_a_tool_is_reported_to_the_model(server: ToolServer, outbound: OutboundClient) -> None:
    model = Model(Turn(tool_calls=(ToolCall("c", "mcp-127_0_0_1-break_down", "{}"),)), Turn(content="sorry"))
    result = await ask(outbound, model, one(server.url, "break_down"))
    assert "out of order" in str(model.requests[1].messages[-1].content)
    assert result.output["content"] == "sorry"


async def test_headers_go_with_it(server: ToolServer, outbound: OutboundClient) -> None:
    server.token = "t0ken"
    headers = [{"id": "1", "cells": {"Key": "Authorization", "Value": "Bearer t0ken"}}]
    model = Model(Turn(tool_calls=(ADDS,)), Turn(content="5"))
    result = await ask(outbound, model, one(server.url, params={"headers": headers}))
    assert (result.outcome.error, server.calls) == (None, 1)


async def test_a_tool_that_the_server_lacks_is_refused(server: ToolServer, outbound: OutboundClient) -> None:
    result = await ask(outbound, Model(Turn()), one(server.url, "subtract"))
    assert failure(result) == "A: The MCP server has no tool subtract"


async def test_a_server_named_by_an_id_is_refused(outbound: OutboundClient) -> None:
    result = await ask(outbound, Model(Turn()), {"type": "mcp", "params": {"serverId": "mcp-1a2b", "toolName": "add"}})
    assert failure(result) == "A: MCP servers are identified by their URL, and mcp-1a2b is not a URL"


async def test_forbidden_servers_offer_no_tools(server: ToolServer) -> None:
    client = OutboundClient()
    result = await ask(client, Model(Turn()), one("https://169.254.169.254/mcp"))
    assert failure(result) == "A: url cannot point to private IP addresses"
    await client.stop()


async def test_servers_with_different_credentials_are_queried_separately(
    server: ToolServer, outbound: OutboundClient
) -> None:
    model = Model(Turn(content="none needed"))
    mine, hers = ([{"id": "1", "cells": {"Key": "X-Key", "Value": key}}] for key in ("mine", "hers"))
    await ask(outbound, model, *(one(server.url, params={"headers": headers}) for headers in (mine, hers, mine)))
    listed = [headers["x-key"] for _, headers in server.requests if headers.get("mcp-method") == "tools/list"]
    assert listed == ["mine", "hers"]


async def test_the_total_size_of_tool_descriptions_is_bounded(outbound: OutboundClient) -> None:
    keys = ([{"id": "1", "cells": {"Key": "X-Key", "Value": str(number)}}] for number in range(3))
    with WordyServer(MAX_DESCRIPTION_CHARACTERS // 2) as server:
        of_one, *others = (one(server.url, "wordy", params={"headers": key}) for key in keys)
        assert (await ask(outbound, Model(Turn(content="none needed")), of_one)).outcome.error is None
        assert failure(await ask(outbound, Model(Turn()), of_one, *others)) == f"A: {DESCRIPTIONS_TOO_LARGE}"


async def test_tools_with_colliding_names_are_distinguished(outbound: OutboundClient) -> None:
    model = Model(Turn(content="none needed"))
    long = [f"{'x' * 60}{end}" for end in "abc"]
    with NamingServer("a.b", "a/b", "a b", "a_b_1", *long) as server:
        await ask(outbound, model, {"type": "mcp-server", "params": {"serverUrl": server.url, "serverName": "s"}})
    names = [tool.name for tool in model.requests[0].tools]
    assert len(set(names)) == len(names) == 7
    assert all(len(name) <= 64 for name in names)


async def test_the_name_of_a_server_leaves_room_for_those_of_its_tools(
    server: ToolServer, outbound: OutboundClient
) -> None:
    model = Model(Turn(content="none needed"))
    await ask(outbound, model, one(server.url, params={"serverName": "The server of " + "all " * 20}))
    assert model.requests[0].tools[0].name == "mcp-The_server_of_all_all_al-add"
