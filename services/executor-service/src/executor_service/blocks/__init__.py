"""Block types: a new one takes one file, and one line here."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Final, Protocol

from executor_service.blocks.agent import AgentHandler, ToolBuilder
from executor_service.blocks.agent.block_tools import block_tools
from executor_service.blocks.agent.plugin_tools import plugin_tools
from executor_service.blocks.condition import ConditionHandler
from executor_service.blocks.evaluator import EvaluatorHandler
from executor_service.blocks.expressions import SandboxExpressions
from executor_service.blocks.function import FunctionHandler
from executor_service.blocks.guardrails import GuardrailsHandler
from executor_service.blocks.http import ApiHandler
from executor_service.blocks.human_in_the_loop import HumanInTheLoopHandler
from executor_service.blocks.mcp import McpHandler, McpServers
from executor_service.blocks.memory import MemoryHandler
from executor_service.blocks.plugins import plugin_handlers
from executor_service.blocks.ports import (
    ChildWorkflows,
    CodeRunner,
    ConditionRunner,
    Files,
    MemoryStore,
    ModelServer,
)
from executor_service.blocks.response import ResponseHandler
from executor_service.blocks.router import LegacyRouterHandler, RouterHandler
from executor_service.blocks.start import StartHandler
from executor_service.blocks.unavailable import UnavailableHandler
from executor_service.blocks.variables import VariablesHandler
from executor_service.blocks.wait import WaitHandler
from executor_service.blocks.webhook_request import WebhookHandler
from executor_service.blocks.workflow import WorkflowHandler
from executor_service.engine import BlockHandler
from shared.net import OutboundClient
from shared.workflow.catalog import Catalog
from shared.workflow.catalog.triggers import TRIGGERS
from shared.workflow.compile.code_parser import Language

__all__ = ["BlockPorts", "SandboxExpressions", "block_handlers"]

_NO_CHILDREN: Final = UnavailableHandler("This server cannot call other workflows")
_WITHOUT_PORTS: Final[Mapping[str, BlockHandler]] = {
    "workflow_input": _NO_CHILDREN,
    "workflow": _NO_CHILDREN,
    "memory": UnavailableHandler("Memory Block Error: This server has no conversation store"),
}


class JavaScript(CodeRunner, ConditionRunner, Protocol):
    """The JavaScript sandbox."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockPorts:
    """Ports of the blocks. Where one is None, blocks that need it fail with a reason."""

    javascript: JavaScript
    models: ModelServer
    outbound: OutboundClient
    python: CodeRunner | None = None
    children: ChildWorkflows | None = None
    memory: MemoryStore | None = None
    files: Files | None = None


def block_handlers(ports: BlockPorts, plugins: Iterable[EntryPoint] = ()) -> Mapping[str, BlockHandler]:
    """Return a handler for each block type, including those of `plugins`."""
    handlers, plugins = {**_plain(ports), **dict(_optional(ports))}, tuple(plugins)
    installed = plugin_handlers(plugins)
    tools = {**plugin_tools(installed, Catalog(plugins=plugins)), **block_tools(handlers)}
    tool_builder = ToolBuilder(ports.javascript, tools, McpServers(ports.outbound), ports.children)
    agent = AgentHandler(ports.models, tool_builder, ports.memory, ports.files)
    return {**_WITHOUT_PORTS, **installed, **handlers, "agent": agent}


def _plain(ports: BlockPorts) -> dict[str, BlockHandler]:
    runners: dict[Language, CodeRunner] = {Language.JAVASCRIPT: ports.javascript}
    if ports.python is not None:
        runners[Language.PYTHON] = ports.python
    start = StartHandler()
    return {
        **{spec.type: start for spec in TRIGGERS},
        "function": FunctionHandler(runners),
        "condition": ConditionHandler(ports.javascript),
        "response": ResponseHandler(),
        "variables": VariablesHandler(),
        "api": ApiHandler(ports.outbound),
        "webhook_request": WebhookHandler(ports.outbound),
        "mcp": McpHandler(McpServers(ports.outbound)),
        "router_v2": RouterHandler(ports.models),
        "router": LegacyRouterHandler(ports.models),
        "evaluator": EvaluatorHandler(ports.models),
        "guardrails": GuardrailsHandler(ports.models),
        "wait": WaitHandler(),
        "human_in_the_loop": HumanInTheLoopHandler(),
    }


def _optional(ports: BlockPorts) -> Iterator[tuple[str, BlockHandler]]:
    if ports.children is not None:
        child = WorkflowHandler(ports.children)
        yield from (("workflow_input", child), ("workflow", child))
    if ports.memory is not None:
        yield "memory", MemoryHandler(ports.memory)
