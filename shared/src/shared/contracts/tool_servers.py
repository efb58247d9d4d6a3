"""MCP servers whose tools are deployed workflows. Stored by deploy-service, served by the gateway."""

from datetime import datetime

import msgspec


class WorkflowTool(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A workflow as a tool. Workflows and names are unique within a server.

    Omitted descriptions come from the live version and its start block's fields.
    """

    workflow_id: str
    name: str
    description: str = ""
    parameter_descriptions: dict[str, str] = {}


class ToolServerSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Author's settings of a server. If `is_public`, callers need its id but no key."""

    name: str
    description: str = ""
    is_public: bool = False
    tools: tuple[WorkflowTool, ...] = ()


class ToolServer(msgspec.Struct, frozen=True, kw_only=True):
    """A stored server. A save must name `revision` to replace it."""

    id: str
    workspace_id: str
    settings: ToolServerSettings
    revision: int
    created_at: datetime
    updated_at: datetime


class ToolServers(msgspec.Struct, frozen=True):
    """Every server of a workspace, oldest first."""

    servers: tuple[ToolServer, ...]


class CreateToolServer(msgspec.Struct, frozen=True):
    """Create a server."""

    workspace_id: str
    settings: ToolServerSettings


class SaveToolServer(msgspec.Struct, frozen=True):
    """Replace the settings, if unchanged since they were read (CONFLICT otherwise)."""

    settings: ToolServerSettings
    expected_revision: int
