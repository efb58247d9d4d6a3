"""Every type that can be deployed can be run, or is refused with a reason."""

import pytest
from tests.support.blocks.runs import INPUT, Models, engine_of, failure, run
from tests.support.workflow_states import block, chain

from executor_service.blocks import BlockPorts, block_handlers
from executor_service.blocks.agent.plugin_tools import plugin_tools
from executor_service.blocks.response import ResponseHandler
from executor_service.engine import BlockHandler
from executor_service.sandbox import ConditionResult, Conditions, Script, ScriptResult
from shared.net import OutboundClient
from shared.workflow.catalog import BlockSpec, Catalog, Category, SubBlockSpec
from shared.workflow.catalog.core import CORE_BLOCKS
from shared.workflow.format.js_values import JsonObject


class NoSandbox:
    """A server without a sandbox."""

    async def run(self, script: Script) -> ScriptResult:
        raise NotImplementedError

    async def evaluate(self, conditions: Conditions) -> ConditionResult:
        raise NotImplementedError


@pytest.fixture
def handlers() -> dict[str, BlockHandler]:
    """Return the handlers of a server with the required parts only."""
    ports = BlockPorts(javascript=NoSandbox(), models=Models(""), outbound=OutboundClient())
    return dict(block_handlers(ports))


def test_every_core_type_that_runs_has_a_handler(handlers: dict[str, BlockHandler]) -> None:
    run_by_nobody = (Category.CONTAINER, Category.NOTE)
    assert {spec.type for spec in CORE_BLOCKS if spec.category not in run_by_nobody} == set(handlers)


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        (
            block("b", "memory", "B", settings={"operation": "get", "id": "ada"}),
            "Memory Block Error: This server has no conversation store",
        ),
        (block("b", "workflow_input", "B", workflowId="child"), "This server cannot call other workflows"),
        (block("b", "workflow", "B", workflowId="child"), "This server cannot call other workflows"),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
async def test_a_missing_dependency_is_reported_when_a_block_needs_it(
    handlers: dict[str, BlockHandler], params: JsonObject, reason: str
) -> None:
    assert failure(await run(chain(INPUT, params), engine_of(handlers))) == f"B: {reason}"


def test_a_password_of_a_plugins_block_is_the_authors_and_no_argument_of_its_tool() -> None:
    class Known(Catalog):
        def spec(self, block_type: str) -> BlockSpec:
            key = SubBlockSpec(id="key", title="Key", type="short-input", password=True, required=True)
            return BlockSpec(
                type=block_type, title="X", sub_blocks=(key, SubBlockSpec(id="text", title="Text", type="short-input"))
            )

    (tool, _) = plugin_tools({"x": ResponseHandler()}, Known())["x"]
    properties = tool.parameters["properties"]
    assert isinstance(properties, dict)
    assert list(properties) == ["text"]
    assert tool.parameters["required"] == []
