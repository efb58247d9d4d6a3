"""Tools of MCP servers in an agent's `tools` setting: one tool, or all of a server's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from executor_service.blocks.agent.tools import AgentTool, Run, filled_values, tool_name
from executor_service.blocks.mcp import McpServers, Server, ServerTool, ToolRequest, read_server
from executor_service.engine import BlockFailure, Call
from shared.workflow.format.js_values import Json, JsonObject, stringify, to_string
from shared.workflow.validate.unsupported_settings import MCP_SERVER

ALL_TOOLS: Final = "mcp-server"
_SELECTION_SETTINGS: Final = frozenset({*MCP_SERVER, "serverName", "toolName", "tool", "headers"})
"""Settings that select the tool; the others are arguments set by the author."""
MAX_DESCRIPTION_CHARACTERS: Final = 4 * 1024 * 1024
"""Limit for characters of tool descriptions by all servers of one agent: no model reads more."""
DESCRIPTIONS_TOO_LARGE: Final = (
    f"The tool descriptions of this agent's MCP servers exceed {MAX_DESCRIPTION_CHARACTERS} characters"
)
_SERVER_NAME_LENGTH: Final = 24
_ServerKey = tuple[str, tuple[tuple[str, str], ...]]
"""A server and its headers: another key may offer other tools."""


class McpTools:
    """MCP tools of one agent block. Each server's tools are listed at most once."""

    def __init__(self, servers: McpServers, call: Call) -> None:
        self._servers = servers
        self._call = call
        self._listed: dict[_ServerKey, Sequence[ServerTool]] = {}
        self._characters_left = MAX_DESCRIPTION_CHARACTERS

    async def tools(self, entry: JsonObject) -> list[AgentTool]:
        """Return the tools of one entry. Raises BlockFailure, with the server's message if any."""
        settings = _EntrySettings.read(self._call, entry)
        if entry.get("type") == ALL_TOOLS:
            return [self._tool(entry, settings, offered) for offered in await self._list_tools(settings.server)]
        return [self._tool(entry, settings, await self._find_tool(settings, entry.get("schema")))]

    async def _find_tool(self, settings: "_EntrySettings", schema: Json) -> ServerTool:
        """Return the tool as described by the entry, else by the server."""
        if isinstance(schema, dict) and isinstance(schema.get("properties"), dict):
            description = to_string(schema.get("description") or "")
            return ServerTool(settings.tool, description, {"type": "object", **schema})
        for offered in await self._list_tools(settings.server):
            if offered.name == settings.tool:
                return offered
        raise BlockFailure(f"The MCP server has no tool {settings.tool}", can_retry=False)

    async def _list_tools(self, server: Server) -> Sequence[ServerTool]:
        key = server.url, tuple(server.headers.items())
        if key not in self._listed:
            offered = self._listed[key] = await self._servers.tools(server)
            self._characters_left -= sum(len(tool.description) + len(stringify(tool.parameters)) for tool in offered)
            if self._characters_left < 0:
                raise BlockFailure(DESCRIPTIONS_TOO_LARGE, can_retry=False)
        return self._listed[key]

    def _tool(self, entry: JsonObject, settings: "_EntrySettings", offered: ServerTool) -> AgentTool:
        name = tool_name(f"mcp-{settings.server_name}-{offered.name}")
        return AgentTool(
            name,
            name,
            offered.description,
            offered.parameters,
            fixed=filled_values(
                {key: value for key, value in settings.params.items() if key not in _SELECTION_SETTINGS}
            ),
            is_forced=entry.get("usageControl") == "force",
            run=self._run(settings, offered.name),
        )

    def _run(self, settings: "_EntrySettings", tool: str) -> Run:
        async def run(arguments: JsonObject) -> Json:
            return {"content": await self._servers.call(ToolRequest(settings.server, tool, arguments))}

        return run


@dataclass(frozen=True, slots=True)
class _EntrySettings:
    """Settings of an entry."""

    server: Server
    server_name: str
    tool: str
    params: JsonObject

    @classmethod
    def read(cls, call: Call, entry: JsonObject) -> "_EntrySettings":
        found = entry.get("params")
        params = found if isinstance(found, dict) else {}
        url = next((params[name] for name in MCP_SERVER if params.get(name)), None)
        server = read_server(call, url, params.get("headers"))
        called = to_string(params.get("serverName") or urlsplit(server.url).hostname or "server")
        tool = to_string(params.get("toolName") or params.get("tool") or entry.get("title") or "").strip()
        return cls(server, tool_name(called)[:_SERVER_NAME_LENGTH], tool, params)
