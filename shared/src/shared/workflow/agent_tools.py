"""Tools of agents that cannot be had: a run would fail at such an agent every time."""

from collections.abc import Iterator
from typing import Final

from shared.contracts.problems import Problem
from shared.workflow.catalog import Catalog, Refusal
from shared.workflow.input_format import parse_list
from shared.workflow.jsvalues import to_string
from shared.workflow.models import Block
from shared.workflow.problems import error

NOT_BLOCKS: Final = frozenset({"custom-tool", "mcp", "mcp-server"})
"""Kinds of tools that are no block types."""


def agent_tool_problems(block: Block, catalog: Catalog) -> Iterator[Problem]:
    """One error for each tool on offer whose block type is not to be had here."""
    for tool in parse_list(block.value("tools")):
        if not isinstance(tool, dict) or tool.get("usageControl") == "none":
            continue
        kind = to_string(tool.get("type") or "")
        found = None if kind in NOT_BLOCKS else catalog.find(kind)
        if isinstance(found, Refusal):
            message = f'{block.name}, tool "{to_string(tool.get("title") or kind)}": {found.message}'
            yield error(found.reason, message, block, ("tools",))
