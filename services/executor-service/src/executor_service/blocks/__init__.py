"""The block types that run: a new one is one file, and one line here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from executor_service.blocks.agent import AgentHandler, Toolbox
from executor_service.blocks.condition import ConditionHandler
from executor_service.blocks.expressions import SandboxExpressions
from executor_service.blocks.function import FunctionHandler
from executor_service.blocks.ports import CodeRunner, ConditionRunner, ModelServer
from executor_service.blocks.response import ResponseHandler
from executor_service.blocks.start import StartHandler
from executor_service.blocks.variables import VariablesHandler
from executor_service.engine import BlockHandler
from shared.workflow.catalog.triggers import TRIGGERS
from shared.workflow.code_lexing import Language

__all__ = ["BlockPorts", "SandboxExpressions", "block_handlers"]


class JavaScript(CodeRunner, ConditionRunner, Protocol):
    """The JavaScript sandbox."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockPorts:
    """The ways out that blocks have. Where one is None, the blocks that need it fail with a reason."""

    javascript: JavaScript
    python: CodeRunner | None = None
    models: ModelServer


def block_handlers(ports: BlockPorts) -> Mapping[str, BlockHandler]:
    """A handler for each block type that can run."""
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
        "agent": AgentHandler(ports.models, Toolbox(ports.javascript, {})),
    }
