"""Converts a block's settings to a tool call."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from executor_service.blocks.values import read_table
from executor_service.engine import BlockFailure, Call
from shared.net import BlockedAddress
from shared.net.urls import read_target
from shared.workflow.format.js_values import Json, JsonObject, parse_json, to_string
from shared.workflow.validate.unsupported_settings import not_an_mcp_server

MAX_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class Server:
    """An MCP server, and the caller. `seconds` limits one session, including connecting."""

    url: str
    headers: Mapping[str, str]
    seconds: float
    workspace_id: str


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """A tool of a server."""

    server: Server
    tool: str
    arguments: JsonObject


@dataclass(frozen=True, slots=True)
class ServerTool:
    """A tool as described by its server."""

    name: str
    description: str
    parameters: JsonObject


def read_request(call: Call, params: JsonObject) -> ToolRequest:
    """Return the request of the settings. Raises BlockFailure."""
    server = read_server(call, params.get("server"), params.get("headers"))
    return ToolRequest(server, to_string(params.get("tool") or "").strip(), _arguments(params.get("arguments")))


def read_server(call: Call, named: Json, headers: Json) -> Server:
    """Return the named server, with the remaining time. Raises BlockFailure."""
    url = to_string(named or "").strip()
    if not url.lower().startswith(("https://", "http://")):
        raise BlockFailure(not_an_mcp_server(url), can_retry=False)
    try:
        read_target(url)
    except BlockedAddress as refusal:
        raise BlockFailure(refusal.message, can_retry=False) from refusal
    return Server(url, read_table(headers), min(MAX_SECONDS, call.remaining_seconds()), call.request.workspace_id)


def _arguments(value: Json) -> JsonObject:
    if value in (None, ""):
        return {}
    arguments = parse_json(value) if isinstance(value, str) else value
    if not isinstance(arguments, dict):
        raise BlockFailure("The arguments of an MCP tool must be a JSON object", can_retry=False)
    return arguments
