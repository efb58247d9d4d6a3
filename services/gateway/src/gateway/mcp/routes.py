"""`/api/mcp/workflow-servers`: MCP servers and their tools."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from gateway.access.domain.credentials import Caller
from gateway.mcp.models import (
    Answer,
    Confirmation,
    OneServer,
    OneTool,
    ServerBody,
    ServerChangeBody,
    Servers,
    ToolBody,
    ToolChangeBody,
    Tools,
    server_view,
    tool_view,
)
from gateway.mcp.service import ToolServerPublications
from gateway.web.bodies import json_of
from gateway.web.routes import AUTHORING, WorkspaceAccess, legacy_router
from shared.contracts.tool_servers import ToolServer


def tool_servers_router(access: WorkspaceAccess, publications: ToolServerPublications, *, public_url: str) -> APIRouter:
    """Return the routes: reads need the read scope, changes the admin scope."""
    router = legacy_router("MCP", *AUTHORING, prefix="/api/mcp/workflow-servers")
    AnyCaller = Annotated[Caller, Depends(access.caller)]  # noqa: N806 - a type

    def shown(server: ToolServer) -> Answer[OneServer]:
        tools = [tool_view(tool) for tool in server.settings.tools]
        return Answer(data=OneServer(server=server_view(server, public_url), tools=tools))

    @router.get("", summary="List the MCP servers of a workspace")
    async def servers(
        caller: AnyCaller, workspace_id: Annotated[str | None, Query(alias="workspaceId", max_length=200)] = None
    ) -> Answer[Servers]:
        found = await publications.of(caller.within(workspace_id or caller.workspace.id))
        return Answer(data=Servers(servers=[server_view(server, public_url) for server in found]))

    @router.post("", status_code=201, summary="Create an MCP server")
    async def create(caller: AnyCaller, body: Annotated[ServerBody, Depends(json_of(ServerBody))]) -> Answer[OneServer]:
        caller = caller.within(body.workspace_id or caller.workspace.id)
        return shown(await publications.create(caller, body.settings(), body.workflow_ids))

    @router.get("/{server_id}", summary="Get an MCP server")
    async def get(caller: AnyCaller, server_id: str) -> Answer[OneServer]:
        _, server = await publications.get(caller, server_id)
        return shown(server)

    @router.patch("/{server_id}", summary="Change an MCP server")
    async def change(
        caller: AnyCaller, server_id: str, body: Annotated[ServerChangeBody, Depends(json_of(ServerChangeBody))]
    ) -> Answer[OneServer]:
        return shown(await publications.change(caller, server_id, body.changes()))

    @router.delete("/{server_id}", summary="Delete an MCP server")
    async def delete(caller: AnyCaller, server_id: str) -> Answer[Confirmation]:
        await publications.delete(caller, server_id)
        return Answer(data=Confirmation(message="Server deleted"))

    @router.get("/{server_id}/tools", summary="List the tools of an MCP server")
    async def tools(caller: AnyCaller, server_id: str) -> Answer[Tools]:
        _, server = await publications.get(caller, server_id)
        return Answer(data=Tools(tools=[tool_view(tool) for tool in server.settings.tools]))

    @router.post("/{server_id}/tools", status_code=201, summary="Add a workflow as a tool")
    async def add_tool(
        caller: AnyCaller, server_id: str, body: Annotated[ToolBody, Depends(json_of(ToolBody))]
    ) -> Answer[OneTool]:
        tool = await publications.add_tool(caller, server_id, body.workflow_id, body.tool_name, body.changes())
        return Answer(data=OneTool(tool=tool_view(tool)))

    @router.patch("/{server_id}/tools/{tool_id}", summary="Change a tool")
    async def change_tool(
        caller: AnyCaller,
        server_id: str,
        tool_id: str,
        body: Annotated[ToolChangeBody, Depends(json_of(ToolChangeBody))],
    ) -> Answer[OneTool]:
        return Answer(
            data=OneTool(tool=tool_view(await publications.change_tool(caller, server_id, tool_id, body.changes())))
        )

    @router.delete("/{server_id}/tools/{tool_id}", summary="Remove a tool")
    async def remove_tool(caller: AnyCaller, server_id: str, tool_id: str) -> Answer[Confirmation]:
        await publications.remove_tool(caller, server_id, tool_id)
        return Answer(data=Confirmation(message="Tool deleted"))

    return router
