"""MCP servers whose tools are deployed workflows. Kept by deploy-service, served by the gateway."""

from datetime import datetime

import msgspec


class WorkflowTool(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A workflow as a tool. A server has a workflow once, and a name once.

    What is not said here is taken from the live version: its description, and those of the start block's fields.
    """

    workflow_id: str
    name: str
    description: str = ""
    parameter_descriptions: dict[str, str] = {}


class ToolServerSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that an author decides about a server. `is_public`: whoever knows its id may call it without a key."""

    name: str
    description: str = ""
    is_public: bool = False
    tools: tuple[WorkflowTool, ...] = ()


class ToolServer(msgspec.Struct, frozen=True, kw_only=True):
    """A server as it is kept. `revision` is what a save must name to replace it."""

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
    """A new server."""

    workspace_id: str
    settings: ToolServerSettings


class SaveToolServer(msgspec.Struct, frozen=True):
    """Replace the settings, if nobody did in between (CONFLICT otherwise)."""

    settings: ToolServerSettings
    expected_revision: int
