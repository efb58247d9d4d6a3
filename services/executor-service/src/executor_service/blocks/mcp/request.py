"""From a block's settings to one call of a tool."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from executor_service.blocks.tables import read_table
from executor_service.engine import BlockFailure, Call
from shared.workflow.jsvalues import Json, JsonObject, parse_json, to_string

MAX_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """One tool of one server. `seconds` is for all of it, connecting included."""

    url: str
    headers: Mapping[str, str]
    tool: str
    arguments: JsonObject
    seconds: float
    workspace_id: str


def read_request(call: Call, params: JsonObject) -> ToolRequest:
    """What the settings ask for. Raises BlockFailure."""
    url = to_string(params.get("server") or "").strip()
    if not url.lower().startswith(("https://", "http://")):
        raise BlockFailure(f"MCP servers are named by their URL on this server: {url} is none", can_retry=False)
    return ToolRequest(
        url,
        read_table(params.get("headers")),
        to_string(params.get("tool") or "").strip(),
        _arguments(params.get("arguments")),
        min(MAX_SECONDS, call.remaining_seconds()),
        call.request.workspace_id,
    )


def _arguments(value: Json) -> JsonObject:
    if value in (None, ""):
        return {}
    arguments = parse_json(value) if isinstance(value, str) else value
    if not isinstance(arguments, dict):
        raise BlockFailure("The arguments of an MCP tool must be a JSON object", can_retry=False)
    return arguments
