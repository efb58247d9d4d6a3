"""The same cases through the real gateway, broker and executor: the caller's answer and the record.

In `make test`, those that depend on more than the engine, and one of each other area: all of them run on the engine.
"""

import pytest
from tests.conformance.cases import CASES
from tests.conformance.decisions import DECISIONS, ON_THE_STACK
from tests.conformance.matching import differences
from tests.conformance.outside import outside
from tests.conformance.stack_system import StackSystem
from tests.support.model_server import ModelServer

BEYOND_THE_ENGINE = ("start", "response", "final", "error", "cancel", "wait", "hitl", "child", "env")
"""Areas in which other services read or write a part of the answer."""
ONE_OF_EACH_AREA = {case.area: case_id for case_id, case in CASES.items()}.values()
OF_THE_STACK = [
    pytest.param(case_id, marks=pytest.mark.full)
    if case.area not in BEYOND_THE_ENGINE and case_id not in ONE_OF_EACH_AREA
    else case_id
    for case_id, case in CASES.items()
]


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("case_id", OF_THE_STACK)
async def test_a_case_has_the_observed_result(case_id: str, models: ModelServer, system: StackSystem) -> None:
    async with outside(case_id, models) as case:
        observed = await system.run(case, models.url)
    assert differences(case, observed, DECISIONS | ON_THE_STACK) == []


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("case_id", ONE_OF_EACH_AREA)
async def test_a_queued_case_ends_the_same(case_id: str, models: ModelServer, system: StackSystem) -> None:
    async with outside(case_id, models) as case:
        observed = await system.queue(case)
    assert differences(case, observed, DECISIONS | ON_THE_STACK) == []
