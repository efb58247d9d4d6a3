"""MCP servers in the public API: who may change them, who may call."""

import json

import msgspec
from tests.support.gateway.system import System
from tests.support.gateway.tenants import OTHER
from tests.support.gateway.tool_calls import JSON, SERVERS, ask, publish
from tests.support.gateway.visitor import Visitor

from gateway.access.credentials import Scope
from gateway.access.models import Role
from gateway.mcp.service import tool_name
from shared.contracts.runs import Trigger


async def test_a_server_is_made_with_its_tools(system: System) -> None:
    made = await publish(system)
    assert made["server"]["url"] == "https://flow.example/api/mcp/serve/S1"
    assert made["tools"] == [
        {"id": "W", "workflowId": "W", "toolName": "workflow_w", "toolDescription": "", "parameterDescriptions": {}}
    ]
    assert (await system.get(SERVERS)).json["data"]["servers"] == [made["server"]]
    changed = await system.send("PATCH", f"{SERVERS}/S1/tools/W", {"toolName": "count", "toolDescription": "Counts."})
    assert changed.json["data"]["tool"]["toolName"] == "count"
    assert (await system.send("DELETE", f"{SERVERS}/S1/tools/W")).status == 200
    assert (await system.get(f"{SERVERS}/S1/tools")).json["data"]["tools"] == []
    again = await system.send("POST", f"{SERVERS}/S1/tools", {"workflowId": "W", "toolName": "count"})
    assert again.status == 201
    assert (await system.send("DELETE", f"{SERVERS}/S1")).status == 200
    assert (await ask(system, "ping")).status == 404
    assert [entry.action for entry in system.audit.entries][-1] == "mcp_server.deleted"
    assert (deleted := system.audit.entries[-1]).before is not None
    assert deleted.after is None


async def test_only_admins_change_and_strangers_see_nothing(system: System) -> None:
    await publish(system)
    writer = await Visitor.with_role(system, Role.WRITE)
    assert (await writer.send("GET", f"{SERVERS}/S1")).status == 200
    assert (await writer.send("PATCH", f"{SERVERS}/S1", {"isPublic": True})).status == 403
    key = system.tenants.issue(OTHER)
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/tools"), ("DELETE", "/tools/W")):
        assert (await system.send(method, f"{SERVERS}/S1{path}", {}, key=key)).status == 404
    assert (await ask(system, "tools/list", key=key)).status == 404
    assert (await system.get(SERVERS, key=None)).status == 401


async def test_another_workspaces_workflow_cannot_be_a_tool(system: System) -> None:
    await publish(system)
    system.deployments.put("foreign", workspace_id="WS2")
    assert (await system.send("POST", f"{SERVERS}/S1/tools", {"workflowId": "foreign"})).status == 404
    assert (await system.send("POST", f"{SERVERS}/S1/tools", {"workflowId": "nowhere"})).status == 404


async def test_a_tool_is_a_run_of_the_live_version(system: System) -> None:
    await publish(system)
    answer = await ask(system, "tools/call", {"name": "workflow_w", "arguments": {"a": 2}})
    assert answer.status == 200
    assert answer.json["result"]["isError"] is False
    run = system.worker.runs[0]
    assert run.trigger is Trigger.MCP
    assert msgspec.json.decode(bytes(run.input.inline)) == {"a": 2}


async def test_a_tool_has_the_description_of_its_workflow_by_default(system: System) -> None:
    """The description of a version is its change note."""
    await publish(system)
    await system.send("PUT", "/api/workflows/W", {"description": "Counts."})
    await system.send("POST", "/api/v1/workflows/W/deploy", {"description": "Quicker now."})
    [tool] = (await ask(system, "tools/list")).json["result"]["tools"]
    assert tool["description"] == "Counts."
    await system.send("PATCH", f"{SERVERS}/S1/tools/W", {"toolDescription": "Counts sheep."})
    [tool] = (await ask(system, "tools/list")).json["result"]["tools"]
    assert tool["description"] == "Counts sheep."


async def test_a_lone_surrogate_in_an_argument_is_repaired_like_at_every_endpoint(system: System) -> None:
    await publish(system)
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    cut = json.dumps({**call, "params": {"name": "workflow_w", "arguments": {"a": "cut \ud83d"}}}).encode()
    answer = await system.send("POST", "/api/mcp/serve/S1", raw=cut, headers=JSON)
    assert answer.status == 200
    assert msgspec.json.decode(bytes(system.worker.runs[0].input.inline)) == {"a": "cut \ufffd"}


async def test_a_key_for_other_workflows_has_no_such_tool(system: System) -> None:
    await publish(system)
    key = system.tenants.issue(workflow_ids=("other",))
    assert (await ask(system, "tools/list", key=key)).json["result"]["tools"] == []
    refused = await ask(system, "tools/call", {"name": "workflow_w"}, key=key)
    assert refused.json["error"]["message"] == "Unknown tool: workflow_w"
    reader = system.tenants.issue(scopes=frozenset({Scope.READ}))
    assert (await ask(system, "tools/list", key=reader)).status == 403
    assert system.worker.runs == []


async def test_the_public_calls_public_servers_only(system: System) -> None:
    await publish(system)
    assert (await ask(system, "tools/list", key=None)).status == 401
    await system.send("PATCH", f"{SERVERS}/S1", {"isPublic": True})
    tools = (await ask(system, "tools/list", key=None)).json["result"]["tools"]
    assert [tool["name"] for tool in tools] == ["workflow_w"]
    assert tools[0]["inputSchema"]["properties"]["a"]["type"] == "number"
    assert "stream" not in tools[0]["inputSchema"]["properties"]


def test_a_tool_is_named_after_its_workflow() -> None:
    assert tool_name("Answer a Question!") == "answer_a_question"
    assert tool_name("日本") == "workflow"
    assert len(tool_name("x" * 100)) == 64
