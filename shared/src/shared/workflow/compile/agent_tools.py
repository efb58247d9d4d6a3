"""Unavailable tools of agents, with which every run would fail."""

from collections.abc import Iterator
from typing import Final

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.catalog import Catalog, UnsupportedBlock
from shared.workflow.catalog.logic import code_text
from shared.workflow.catalog.synonyms import TYPE_SYNONYMS, type_word
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import JsonObject, to_string
from shared.workflow.format.models import Block
from shared.workflow.format.problems import error
from shared.workflow.format.suggestions import did_you_mean, nearest

CUSTOM_TOOL: Final = "custom-tool"
"""A tool with the author's code."""
_MOST_SUGGESTIONS: Final = 50
TOOL_BLOCKS: Final = ("api", "function", "workflow_input", "workflow", "memory", "webhook_request")
"""Core block types that models can call."""
NOT_BLOCKS: Final = frozenset({CUSTOM_TOOL, "mcp", "mcp-server"})
"""Kinds of tools that are no block types."""


def tool_without_code(tool: JsonObject) -> str:
    """Return the message for a custom tool that a workflow references only by id, as Sim's editor stores it."""
    named = to_string(tool.get("title") or tool.get("customToolId") or CUSTOM_TOOL)
    if not tool.get("customToolId") and (tool.get("schema") or tool.get("title")):
        return f'tool "{named}": it has no code. Write it under code'
    text = "its code is stored only on the server where it was created; add its schema and code to the tool"
    return f'tool "{named}": {text}'


def agent_tool_problems(block: Block, catalog: Catalog) -> Iterator[Problem]:
    """Yield one error for each offered tool whose block type is unavailable."""
    for number, tool in enumerate(parse_list(block.value("tools"))):
        if not isinstance(tool, dict) or tool.get("usageControl") == "none":
            continue
        kind = to_string(tool.get("type") or "")
        if kind == CUSTOM_TOOL and not code_text(tool.get("code")).strip():
            yield error(ProblemCode.UNSUPPORTED_SETTING, f"{block.name}, {tool_without_code(tool)}", block, ("tools",))
        found = None if kind in NOT_BLOCKS else catalog.find(kind)
        if isinstance(found, UnsupportedBlock):
            meant = TYPE_SYNONYMS.get(type_word(kind))
            near = meant if meant in TOOL_BLOCKS else None
            if meant is None and number < _MOST_SUGGESTIONS:
                near = nearest(kind, [*sorted(NOT_BLOCKS), *catalog.types])
            text = f"Invalid block type: {kind}.{did_you_mean(near)}" if near else found.message
            message = f'{block.name}, tool "{to_string(tool.get("title") or kind)}": {text}'
            yield error(found.reason, message, block, ("tools",), suggestion=near)
