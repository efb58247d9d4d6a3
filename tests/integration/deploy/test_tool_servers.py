"""MCP servers: workflows of one workspace, under separate names."""

import asyncio

import msgspec
import pytest
from tests.support.deploy import DeployCaller, state

from shared.contracts.erasure import Erase
from shared.contracts.tool_servers import (
    CreateToolServer,
    SaveToolServer,
    ToolServer,
    ToolServers,
    ToolServerSettings,
    WorkflowTool,
)
from shared.errors import Conflict, InvalidRequest, NotFound

PATH = "/internal/tool-servers"


async def create(gateway: DeployCaller, *tools: WorkflowTool, workspace: str = "ws") -> ToolServer:
    body = CreateToolServer(workspace, ToolServerSettings(name=" Desk ", tools=tools))
    return await gateway.http.call("POST", PATH, body=body, returns=ToolServer)


async def save(gateway: DeployCaller, server: ToolServer, *tools: WorkflowTool) -> ToolServer:
    settings = msgspec.structs.replace(server.settings, tools=tools)
    body = SaveToolServer(settings, server.revision)
    return await gateway.http.call("PUT", f"{PATH}/{server.id}", body=body, returns=ToolServer)


async def test_a_server_is_made_changed_listed_and_deleted(gateway: DeployCaller) -> None:
    tool = WorkflowTool(workflow_id=(await gateway.create(state())).id, name="add", parameter_descriptions={"a.b": "x"})
    server = await create(gateway)
    assert server.settings.name == "Desk"
    changed = await save(gateway, server, tool)
    assert changed.settings.tools == (tool,)
    with pytest.raises(Conflict):
        await save(gateway, server)
    assert await gateway.http.call("GET", f"{PATH}/{server.id}", returns=ToolServer) == changed
    listed = await gateway.http.call("GET", f"{PATH}?workspace_id=ws", returns=ToolServers)
    assert listed.servers == (changed,)
    await gateway.http.call("DELETE", f"{PATH}/{server.id}")
    with pytest.raises(NotFound):
        await gateway.http.call("GET", f"{PATH}/{server.id}", returns=ToolServer)


async def test_another_workspaces_workflow_is_not_a_tool(gateway: DeployCaller) -> None:
    workflow = await gateway.create(state(), workspace="other")
    with pytest.raises(NotFound):
        await create(gateway, WorkflowTool(workflow_id=workflow.id, name="add"))


async def test_a_workspace_has_a_bounded_number_of_servers(
    gateway: DeployCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy_service.application.publications.SERVERS_LIMIT", 2)
    for _ in range(2):
        await create(gateway)
    with pytest.raises(InvalidRequest, match="at most 2"):
        await create(gateway)
    await create(gateway, workspace="other")


async def test_concurrent_creations_do_not_exceed_the_limit(
    gateway: DeployCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy_service.application.publications.SERVERS_LIMIT", 2)
    made = await asyncio.gather(*(create(gateway) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(each, ToolServer) for each in made) == 2
    listed = await gateway.http.call("GET", f"{PATH}?workspace_id=ws", returns=ToolServers)
    assert len(listed.servers) == 2


async def test_deleting_a_workflow_deletes_only_its_tool(gateway: DeployCaller) -> None:
    kept, deleted = [WorkflowTool(workflow_id=(await gateway.create(state())).id, name=name) for name in ("a", "b")]
    server = await create(gateway, kept, deleted)
    await gateway.http.call("POST", "/internal/erasures", body=Erase("ws", deleted.workflow_id))
    assert (await save(gateway, server, kept, deleted)).settings.tools == (kept,)


@pytest.mark.parametrize("names", [("Add",), ("",), ("x" * 65,), ("add", "add")])
async def test_tools_out_of_order_are_refused(gateway: DeployCaller, names: tuple[str, ...]) -> None:
    tools = [WorkflowTool(workflow_id=(await gateway.create(state())).id, name=name) for name in names]
    with pytest.raises(InvalidRequest):
        await create(gateway, *tools)


@pytest.mark.parametrize("names", [("nul\x00",), ("$ref", "$id"), ("",), ("x" * 201,)])
async def test_invalid_parameter_names_are_refused(gateway: DeployCaller, names: tuple[str, ...]) -> None:
    workflow = await gateway.create(state())
    described = dict.fromkeys(names, "text")
    with pytest.raises(InvalidRequest):
        await create(gateway, WorkflowTool(workflow_id=workflow.id, name="add", parameter_descriptions=described))
    assert (await gateway.http.call("GET", f"{PATH}?workspace_id=ws", returns=ToolServers)).servers == ()
