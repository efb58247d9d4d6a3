"""`/api/mcp/workflow-servers`: MCP servers and their tools."""

from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from gateway.access.credentials import Caller
from gateway.mcp.service import ToolServerPublications
from gateway.web.bodies import RequestBody, ResponseBody, json_of
from gateway.web.routes import AUTHORING, WorkspaceAccess, legacy_router
from shared.clock import iso
from shared.contracts.tool_servers import ToolServer, ToolServerSettings, WorkflowTool


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


D = TypeVar("D")


class ServerChangeBody(RequestBody):
    """Changed settings; the others stay."""

    name: str | None = None
    description: str | None = None
    is_public: bool | None = Field(None, description="Whether the server can be called without a key.")

    def changes(self) -> dict[str, Any]:
        """Return the given settings."""
        names = ("name", "description", "is_public")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class ServerBody(ServerChangeBody):
    """New server."""

    workspace_id: str | None = Field(None, description="Defaults to the key's workspace.")
    name: str
    workflow_ids: list[str] = Field(default=[], max_length=100)

    def settings(self) -> ToolServerSettings:
        """Return the stored form, without tools."""
        return ToolServerSettings(**self.changes())


class ToolChangeBody(RequestBody):
    """Changed settings; the others stay."""

    tool_name: str | None = Field(None, description="Lowercase letters, digits, underscores.")
    tool_description: str | None = None
    parameter_descriptions: dict[str, str] | None = None

    def changes(self) -> dict[str, Any]:
        """Return the given settings."""
        named = {
            "name": self.tool_name,
            "description": self.tool_description,
            "parameter_descriptions": self.parameter_descriptions,
        }
        return {name: value for name, value in named.items() if value is not None}


class ToolBody(ToolChangeBody):
    """Deployed workflow as a tool; its name defaults to one derived from the workflow's."""

    workflow_id: str = Field(min_length=1, max_length=200)


class ToolView(ResponseBody):
    """Tool. Its id is its workflow's."""

    id: str
    workflow_id: str
    tool_name: str
    tool_description: str
    parameter_descriptions: dict[str, str]


class ServerView(ResponseBody):
    """Server and its URL."""

    id: str
    workspace_id: str
    name: str
    description: str
    is_public: bool
    url: str
    tool_count: int
    tool_names: list[str]
    created_at: str
    updated_at: str


class Answer(BaseModel, Generic[D]):
    """Answer of all routes of servers."""

    success: Literal[True] = True
    data: D


class Servers(BaseModel):
    servers: list[ServerView]


class OneServer(BaseModel):
    server: ServerView
    tools: list[ToolView]


class Tools(BaseModel):
    tools: list[ToolView]


class OneTool(BaseModel):
    tool: ToolView


class Confirmation(BaseModel):
    message: str


def server_view(server: ToolServer, public_url: str) -> ServerView:
    """Present a server to its author."""
    settings = server.settings
    return ServerView(
        id=server.id,
        workspace_id=server.workspace_id,
        name=settings.name,
        description=settings.description,
        is_public=settings.is_public,
        url=f"{public_url}/api/mcp/serve/{server.id}",
        tool_count=len(settings.tools),
        tool_names=[tool.name for tool in settings.tools],
        created_at=iso(server.created_at),
        updated_at=iso(server.updated_at),
    )


def tool_view(tool: WorkflowTool) -> ToolView:
    """Present a tool to its author."""
    return ToolView(
        id=tool.workflow_id,
        workflow_id=tool.workflow_id,
        tool_name=tool.name,
        tool_description=tool.description,
        parameter_descriptions=tool.parameter_descriptions,
    )
