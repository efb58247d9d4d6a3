"""Blocks as tools of agents, as described to models."""

from collections.abc import Mapping
from typing import Final

from executor_service.blocks.agent.tool_builder import BlockTool
from executor_service.engine import BlockHandler
from shared.workflow.format.js_values import JsonObject


def _schema(required: tuple[str, ...] = (), **properties: tuple[str, str]) -> JsonObject:
    """Return a JSON schema from `name=(type, description)`."""
    return {
        "type": "object",
        "properties": {name: {"type": kind, "description": text} for name, (kind, text) in properties.items()},
        "required": list(required),
    }


_TOOLS: Final = (
    BlockTool(
        "api",
        "http_request",
        "Calls an HTTP endpoint and returns its status, headers and data.",
        _schema(
            ("url",),
            url=("string", "The URL to call"),
            method=("string", "The HTTP method"),
            headers=("object", "HTTP headers to include"),
            body=("object", "Request body (for POST, PUT, PATCH)"),
            params=("object", "URL query parameters to append"),
            pathParams=("object", "URL path parameters to replace (e.g., :id in /users/:id)"),
            formData=("object", "Form data to send"),
        ),
    ),
    BlockTool(
        "function",
        "function_execute",
        "Runs JavaScript, the body of an async function, and returns its result.",
        _schema(("code",), code=("string", "The code; it ends with a return statement")),
    ),
    BlockTool(
        "workflow_input",
        "workflow_executor",
        "Runs another workflow and returns its result.",
        _schema(
            ("workflowId",),
            workflowId=("string", "The id of the workflow"),
            inputMapping=("object", "The workflow's input fields"),
        ),
    ),
    BlockTool(
        "memory",
        "memory",
        "Stores and reads conversations.",
        _schema(
            ("operation", "id"),
            operation=("string", "add, get, getAll or delete"),
            id=("string", "The conversation's id"),
            role=("string", "Role of the message to add: user, assistant or system"),
            content=("string", "The message to add"),
        ),
    ),
    BlockTool(
        "webhook_request",
        "webhook_request",
        "Sends a signed POST request.",
        _schema(("url",), url=("string", "The URL to call"), body=("object", "The JSON to send")),
    ),
)
_OTHER_NAMES: Final = {"workflow": "workflow_input"}


def block_tools(handlers: Mapping[str, BlockHandler]) -> Mapping[str, tuple[BlockTool, BlockHandler]]:
    """Return the tools that this server can run, by block type."""
    known = {tool.block_type: (tool, handlers[tool.block_type]) for tool in _TOOLS if tool.block_type in handlers}
    return {**known, **{other: known[name] for other, name in _OTHER_NAMES.items() if name in known}}
