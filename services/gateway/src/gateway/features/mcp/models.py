"""MCP servers and their tools, over the wire."""

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, Field

from gateway.http.bodies import RequestBody, Shown
from shared.clock import iso
from shared.contracts.tool_servers import ToolServer, ToolServerSettings, WorkflowTool

D = TypeVar("D")


class ServerChangeBody(RequestBody):
    """What is to be different; the rest stays."""

    name: str | None = None
    description: str | None = None
    is_public: bool | None = Field(None, description="Whoever knows the server's id may call it without a key.")

    def changes(self) -> dict[str, Any]:
        """The settings that were named."""
        names = ("name", "description", "is_public")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class ServerBody(ServerChangeBody):
    """A new server."""

    workspace_id: str | None = Field(None, description="The key's, where it is left out.")
    name: str
    workflow_ids: list[str] = Field(default=[], max_length=100)

    def settings(self) -> ToolServerSettings:
        """As they are kept, without tools."""
        return ToolServerSettings(**self.changes())


class ToolChangeBody(RequestBody):
    """What is to be different; the rest stays."""

    tool_name: str | None = Field(None, description="Lowercase letters, digits, underscores.")
    tool_description: str | None = None
    parameter_descriptions: dict[str, str] | None = None

    def changes(self) -> dict[str, Any]:
        """The settings that were named."""
        named = {
            "name": self.tool_name,
            "description": self.tool_description,
            "parameter_descriptions": self.parameter_descriptions,
        }
        return {name: value for name, value in named.items() if value is not None}


class ToolBody(ToolChangeBody):
    """A deployed workflow as a tool; its name, where none is given, is made of the workflow's."""

    workflow_id: str = Field(min_length=1, max_length=200)


class ToolView(Shown):
    """A tool. Its id is its workflow's."""

    id: str
    workflow_id: str
    tool_name: str
    tool_description: str
    parameter_descriptions: dict[str, str]


class ServerView(Shown):
    """A server, and where clients connect."""

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
    """What every route about servers answers."""

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


class Said(BaseModel):
    message: str


def server_view(server: ToolServer, public_url: str) -> ServerView:
    """For its author."""
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
    """For its author."""
    return ToolView(
        id=tool.workflow_id,
        workflow_id=tool.workflow_id,
        tool_name=tool.name,
        tool_description=tool.description,
        parameter_descriptions=tool.parameter_descriptions,
    )
