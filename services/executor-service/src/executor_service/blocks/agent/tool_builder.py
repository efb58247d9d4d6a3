"""Converts an agent's `tools` setting to runnable tools: the author's code, blocks, MCP servers' tools."""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, count
from typing import Final

import msgspec

from executor_service.blocks.agent.mcp_tools import McpTools
from executor_service.blocks.agent.tools import AgentTool, Run, filled_values, tool_name
from executor_service.blocks.agent.workflow_tools import workflow_tool
from executor_service.blocks.function import output_of, timeout_ms
from executor_service.blocks.mcp import McpServers
from executor_service.blocks.ports import ChildWorkflows, CodeRunner
from executor_service.engine import BlockFailure, BlockHandler, Call, Inputs
from executor_service.engine.binding import BoundCode, bind, compile_variant
from executor_service.sandbox import Script
from shared.workflow.catalog import BlockSpec, installed_catalog
from shared.workflow.catalog.kinds import CALLS_A_WORKFLOW
from shared.workflow.compile.agent_tools import CUSTOM_TOOL, tool_without_code
from shared.workflow.compile.blocks import CompiledBlock
from shared.workflow.compile.code_references import CodeTemplate
from shared.workflow.format.js_values import Json, JsonObject, object_of, parse_json, to_string
from shared.workflow.format.models import Block
from shared.workflow.validate.unsupported_settings import MCP_TOOLS

MAX_TOOLS: Final = 512
"""Limit of one agent. Models accept fewer."""
CUSTOM_PREFIX: Final = "custom_"
TOOL_PAUSED: Final = (
    "The workflow pauses for a person or for a long wait, which a workflow that is used as a tool cannot do."
)
_IDENTIFIER: Final = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)
_JAVASCRIPT_WORD: Final = re.compile(
    "arguments|await|break|case|catch|class|const|continue|debugger|default|delete|do|else|enum|eval|export|extends|"
    "false|finally|for|function|if|implements|import|in|instanceof|interface|let|new|null|package|private|protected|"
    "public|return|static|super|switch|this|throw|true|try|typeof|var|void|while|with|yield"
)
"""Not valid as variable names; `params` still contains such arguments."""


@dataclass(frozen=True, slots=True)
class BlockTool:
    """Description of a block type for models."""

    block_type: str
    name: str
    description: str
    parameters: JsonObject
    defaults: JsonObject = field(default_factory=dict)
    """Arguments that neither the model nor the author must set."""


class ToolBuilder:
    """Builder of agents' tools."""

    def __init__(
        self,
        javascript: CodeRunner,
        blocks: Mapping[str, tuple[BlockTool, BlockHandler]],
        mcp: McpServers,
        children: ChildWorkflows | None = None,
    ) -> None:
        self._javascript = javascript
        self._blocks = blocks
        self._mcp = mcp
        self._children = children

    async def tools(self, call: Call, settings: Json) -> list[AgentTool]:
        """Return the tools in order, with unique names. Raises BlockFailure if one is unavailable here."""
        entries = settings if isinstance(settings, list) else []
        mcp = McpTools(self._mcp, call)
        found: dict[str, AgentTool] = {}
        for index, entry in enumerate(entries):
            if isinstance(entry, dict) and entry.get("usageControl") != "none":
                is_remote = entry.get("type") in MCP_TOOLS
                for tool in await mcp.tools(entry) if is_remote else [await self._tool(call, index, entry)]:
                    if len(found) == MAX_TOOLS:
                        raise BlockFailure(f"An agent can have at most {MAX_TOOLS} tools", can_retry=False)
                    name = _free_name(tool.name, found)
                    found[name] = replace(tool, name=name)
        return list(found.values())

    async def _tool(self, call: Call, index: int, entry: JsonObject) -> AgentTool:
        kind, code = to_string(entry.get("type") or ""), call.block.tool_code.get(index)
        if code is not None:
            await compile_variant(code, call.resolver, call.request.workspace_id)
        if kind == CUSTOM_TOOL:
            return self._custom(call, entry, code)
        known = self._blocks.get(kind)
        if known is None:
            raise BlockFailure(f"Tool not found: {entry.get('toolId') or kind}", can_retry=False)
        tool, handler = known
        title = to_string(entry.get("title") or tool.name)
        bound = None
        if code is not None:
            bound = bind(code, call.resolver)
            entry = {**entry, "params": {**object_of(entry.get("params")), "code": code.source}}
        agent_tool = _agent_tool(
            entry,
            tool.name,
            tool.name,
            description=tool.description,
            parameters=tool.parameters,
            run=_block_run(call, tool, handler, title, bound),
        )
        return await workflow_tool(self._children, call, agent_tool) if kind in CALLS_A_WORKFLOW else agent_tool

    def _custom(self, call: Call, entry: JsonObject, code: CodeTemplate | None) -> AgentTool:
        function = _function(entry.get("schema"))
        title = to_string(entry.get("title") or function.get("name") or "tool")
        if code is None or not code.source.strip():
            raise BlockFailure(tool_without_code(entry), can_retry=False)
        bound = bind(code, call.resolver)
        parameters = function.get("parameters")
        return _agent_tool(
            entry,
            tool_name(f"{CUSTOM_PREFIX}{title}"),
            title,
            description=to_string(function.get("description") or ""),
            parameters=parameters if isinstance(parameters, dict) else {"type": "object", "properties": {}},
            run=self._code_run(call, bound),
        )

    def _code_run(self, call: Call, bound: BoundCode) -> Run:
        async def run(arguments: JsonObject) -> Json:
            variables = {name: value for name, value in arguments.items() if _is_variable(name)}
            result = await self._javascript.run(
                Script(
                    code=bound.program,
                    shown=bound.shown,
                    bindings={**variables, **bound.bindings},
                    params=arguments,
                    environment=call.environment if bound.template.reads_environment else {},
                    timeout_ms=timeout_ms(None, call),
                    workspace_id=call.request.workspace_id,
                    owner=call.request.sandbox_owner,
                )
            )
            return output_of(result, bound).get("result")

        return run


def _free_name(name: str, taken: Container[str]) -> str:
    """Return the name, with a number if it is in use: names may differ only in characters that models reject."""
    numbered = (tool_name(name, f"_{number}") for number in count(1))
    return next(free for free in chain([name], numbered) if free not in taken)


def _is_variable(name: str) -> bool:
    return _IDENTIFIER.fullmatch(name) is not None and _JAVASCRIPT_WORD.fullmatch(name) is None


def _agent_tool(
    entry: JsonObject, name: str, shown: str, *, description: str, parameters: JsonObject, run: Run
) -> AgentTool:
    fixed = filled_values(entry.get("params"))
    return AgentTool(name, shown, description, parameters, fixed, entry.get("usageControl") == "force", run)


def _block_run(call: Call, tool: BlockTool, handler: BlockHandler, title: str, code: BoundCode | None) -> Run:
    spec = installed_catalog().spec(tool.block_type) or BlockSpec(type=tool.block_type, title=title)
    block = CompiledBlock(Block(id=call.block.id, type=tool.block_type, name=title), spec, {}, {})
    uses = count()

    async def run(arguments: JsonObject) -> Json:
        request = replace(call.request, parent_path=f"{call.execution_path}.{tool.name}.{next(uses)}>")
        tool_call = msgspec.structs.replace(call, block=block, request=request, writer=None, pinned=None)
        result = await handler.run(tool_call, Inputs({**tool.defaults, **arguments}, extra=code))
        if result.paused_child is not None:
            raise BlockFailure(TOOL_PAUSED)
        return result.output

    return run


def _function(schema: Json) -> JsonObject:
    parsed = parse_json(schema) if isinstance(schema, str) else schema
    document = parsed if isinstance(parsed, dict) else {}
    function = document.get("function")
    return function if isinstance(function, dict) else document
