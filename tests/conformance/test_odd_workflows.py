"""Workflows that were not observed: nested containers, dead ends, joins, errors. The rules determine their results."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.conformance.odd_values import PARTIAL, REFERENCES, RESPONSES
from tests.conformance.odd_workflows import CHILD, CHOICES, CONTAINERS, JOINS, OddWorkflow
from tests.conformance.system import order_of
from tests.support.engine.building import Deployed, Recorder, document, execution

from executor_service.blocks import BlockPorts, SandboxExpressions, block_handlers
from executor_service.engine import Engine, Limits
from executor_service.providers import Models, ProviderSettings
from executor_service.sandbox import JavaScriptSandbox
from shared.clock import SystemClock
from shared.net import OutboundClient


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[Engine]:
    """Engine with the real blocks and the real sandbox."""
    async with JavaScriptSandbox() as sandbox:
        outbound, models = OutboundClient(), Models(ProviderSettings())
        ports = BlockPorts(javascript=sandbox, models=models, outbound=outbound, children=Deployed(child=CHILD))
        yield Engine(block_handlers(ports), SandboxExpressions(sandbox), SystemClock(), Limits())


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "odd", [*JOINS, *CHOICES, *CONTAINERS, *REFERENCES, *RESPONSES, *PARTIAL], ids=lambda odd: odd.id
)
async def test_a_workflow_has_the_expected_result(engine: Engine, odd: OddWorkflow) -> None:
    ran = await execution(engine, document(odd.blocks, odd.edges), Recorder(), **odd.more).run()
    assert (ran.outcome.error and ran.outcome.error.text) == odd.error
    if odd.result is not None:
        assert ran.output["result"] == odd.result
    if odd.output is not None:
        assert ran.output == odd.output
    if odd.order is not None:
        assert list(order_of(ran.blocks)) == odd.order
