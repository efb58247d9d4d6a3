"""Every case that was observed on a running Sim, on our engine."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.conformance.cases import CASES
from tests.conformance.matching import differences
from tests.conformance.outside import outside
from tests.conformance.system import EngineSystem
from tests.support.model_server import ModelServer

from executor_service.sandbox import JavaScriptSandbox


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[JavaScriptSandbox]:
    async with JavaScriptSandbox() as running:
        yield running


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case_id", CASES)
async def test_a_case_has_the_observed_result(case_id: str, models: ModelServer, sandbox: JavaScriptSandbox) -> None:
    async with outside(case_id, models) as case:
        observed = await EngineSystem(sandbox).run(case, models.url)
    assert differences(case, observed) == []
