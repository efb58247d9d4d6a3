"""Bodies of MCP servers and tools."""

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, Field

from gateway.web.bodies import RequestBody, ResponseBody
from shared.clock import iso
from shared.contracts.tool_servers import ToolServer, ToolServerSettings, WorkflowTool

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
