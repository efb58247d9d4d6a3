"""Tools of MCP servers in an agent's `tools` setting: one tool, or all of a server's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from executor_service.blocks.agent.tools import AgentTool, Run, set_values, tool_name
from executor_service.blocks.mcp import McpServers, OfferedTool, Server, ToolRequest, read_server
from executor_service.engine import BlockFailure, Call
from shared.workflow.format.js_values import Json, JsonObject, stringify, to_string
from shared.workflow.validate.unsupported_settings import MCP_SERVER

ALL_TOOLS: Final = "mcp-server"
_OURS: Final = frozenset({*MCP_SERVER, "serverName", "toolName", "tool", "headers"})
"""Settings that select the tool; the others are arguments set by the author."""
MAX_OFFERED: Final = 4 * 1024 * 1024
"""Limit for characters of tool descriptions by all servers of one agent: no model reads more."""
TOO_WORDY: Final = f"The MCP servers of this agent say more than {MAX_OFFERED} characters of their tools"
_SERVER_NAME_LENGTH: Final = 24
_Door = tuple[str, tuple[tuple[str, str], ...]]
"""A server and its headers: another key may offer other tools."""


class McpTools:
    """MCP tools of one agent block. Each server's tools are listed at most once."""

    def __init__(self, servers: McpServers, call: Call) -> None:
        self._servers = servers
        self._call = call
        self._listed: dict[_Door, Sequence[OfferedTool]] = {}
        self._room = MAX_OFFERED

    async def tools(self, entry: JsonObject) -> list[AgentTool]:
        """Return the tools of one entry. Raises BlockFailure, with the server's message if any."""
        named = _Named.read(self._call, entry)
        if entry.get("type") == ALL_TOOLS:
            return [self._tool(entry, named, offered) for offered in await self._offered(named.server)]
        return [self._tool(entry, named, await self._wanted(named, entry.get("schema")))]

    async def _wanted(self, named: "_Named", schema: Json) -> OfferedTool:
        """Return the tool as described by the entry, else by the server."""
        if isinstance(schema, dict) and isinstance(schema.get("properties"), dict):
            description = to_string(schema.get("description") or "")
            return OfferedTool(named.tool, description, {"type": "object", **schema})
        for offered in await self._offered(named.server):
            if offered.name == named.tool:
                return offered
        raise BlockFailure(f"The MCP server has no tool {named.tool}", can_retry=False)

    async def _offered(self, server: Server) -> Sequence[OfferedTool]:
        door = server.url, tuple(server.headers.items())
        if door not in self._listed:
            offered = self._listed[door] = await self._servers.tools(server)
            self._room -= sum(len(tool.description) + len(stringify(tool.parameters)) for tool in offered)
            if self._room < 0:
                raise BlockFailure(TOO_WORDY, can_retry=False)
        return self._listed[door]

    def _tool(self, entry: JsonObject, named: "_Named", offered: OfferedTool) -> AgentTool:
        name = tool_name(f"mcp-{named.server_name}-{offered.name}")
        return AgentTool(
            name,
            name,
            offered.description,
            offered.parameters,
            fixed=set_values({key: value for key, value in named.params.items() if key not in _OURS}),
            is_forced=entry.get("usageControl") == "force",
            run=self._run(named, offered.name),
        )

    def _run(self, named: "_Named", tool: str) -> Run:
        async def run(arguments: JsonObject) -> Json:
            return {"content": await self._servers.call(ToolRequest(named.server, tool, arguments))}

        return run


@dataclass(frozen=True, slots=True)
class _Named:
    """Settings of an entry."""

    server: Server
    server_name: str
    tool: str
    params: JsonObject

    @classmethod
    def read(cls, call: Call, entry: JsonObject) -> "_Named":
        found = entry.get("params")
        params = found if isinstance(found, dict) else {}
        url = next((params[name] for name in MCP_SERVER if params.get(name)), None)
        server = read_server(call, url, params.get("headers"))
        called = to_string(params.get("serverName") or urlsplit(server.url).hostname or "server")
        tool = to_string(params.get("toolName") or params.get("tool") or entry.get("title") or "").strip()
        return cls(server, tool_name(called)[:_SERVER_NAME_LENGTH], tool, params)
