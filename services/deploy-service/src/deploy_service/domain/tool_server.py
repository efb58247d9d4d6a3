"""Validation of MCP server settings."""

import re
from typing import Final

import msgspec

from deploy_service.domain.validation import checked_name, checked_text, invalid
from shared.contracts.tool_servers import ToolServerSettings, WorkflowTool

SERVERS_LIMIT: Final = 100
TOOLS_LIMIT: Final = 100
NAME_LIMIT: Final = 200
DESCRIPTION_LIMIT: Final = 2_000
PARAMETERS_LIMIT: Final = 100
_TOOL_NAME: Final = re.compile(r"[a-z0-9_]{1,64}")
_PARAMETER_NAME: Final = re.compile(r"(?!\$)[^\0]{1,200}")
"""A key of the stored document, where `$ref` and `$id` have a special meaning."""


def checked_settings(settings: ToolServerSettings) -> ToolServerSettings:
    """Return `settings` with texts trimmed. Raises InvalidRequest."""
    if len(settings.tools) > TOOLS_LIMIT:
        raise invalid("tools", f"A server can have at most {TOOLS_LIMIT} tools")
    for what, values in (
        ("names", [tool.name for tool in settings.tools]),
        ("workflows", [tool.workflow_id for tool in settings.tools]),
    ):
        if len(set(values)) < len(values):
            raise invalid("tools", f"The tools of a server must have different {what}")
    return msgspec.structs.replace(
        settings,
        name=checked_name("name", settings.name, NAME_LIMIT),
        description=checked_text("description", settings.description, DESCRIPTION_LIMIT),
        tools=tuple(map(_checked_tool, settings.tools)),
    )


def _checked_tool(tool: WorkflowTool) -> WorkflowTool:
    if not _TOOL_NAME.fullmatch(tool.name):
        raise invalid("toolName", "A tool's name must have 1 to 64 lowercase letters, digits or underscores")
    checked_text("toolDescription", tool.description, DESCRIPTION_LIMIT)
    if len(tool.parameter_descriptions) > PARAMETERS_LIMIT:
        raise invalid("parameterDescriptions", f"A tool can describe at most {PARAMETERS_LIMIT} parameters")
    for name, text in tool.parameter_descriptions.items():
        if not _PARAMETER_NAME.fullmatch(name):
            expected = "A parameter's name must have 1 to 200 characters, no NUL, and must not start with `$`"
            raise invalid("parameterDescriptions", expected)
        checked_text("parameterDescriptions", text, DESCRIPTION_LIMIT)
    return tool
