"""The monthly spend cap of a workspace."""

from collections.abc import AsyncIterator

import pytest
from tests.support.gateway.system import System, running_system
from tests.support.gateway.tenants import OTHER

MODES = [{}, {"X-Stream-Response": "true"}, {"X-Execution-Mode": "async"}]
CAPPED = (
    "/api/workflows/{workflow_id}/execute",
    "/api/v2/workflows/{workflow_id}/execute",
    "/api/chat/{identifier}",
    "/api/a2a/serve/{agent_id}",
    "/v1/chat/completions",
    "/api/v1/runs/{run_id}/redrive",
    "/api/v1/dead-letters/{letter_id}/redrive",
)
"""Endpoints that may refuse for the cap."""


@pytest.fixture
async def capped() -> AsyncIterator[System]:
    async with running_system(spend_limit_usd=20) as started:
        yield started


@pytest.mark.parametrize("mode", MODES)
async def test_a_workspace_that_has_spent_its_money_is_refused(capped: System, mode: dict[str, str]) -> None:
    capped.jobs.spent["WS1"] = 20.5
    answer = await capped.execute({}, headers=mode)
    assert answer.status == 402
    assert answer.json == {
        "error": "Usage limit exceeded: $20.50 used of $20.00 limit. "
        "Please upgrade your plan or raise your usage limit to continue."
    }
    assert not capped.worker.runs


async def test_v2_reports_it_in_its_own_format(capped: System) -> None:
    capped.jobs.spent["WS1"] = 20.5
    answer = await capped.send("POST", "/api/v2/workflows/W/execute", {})
    assert (answer.status, answer.json["error"]["code"]) == (402, "USAGE_LIMIT_EXCEEDED")


async def test_money_spent_is_noticed_within_seconds(capped: System) -> None:
    assert (await capped.execute({})).status == 200
    capped.jobs.spent["WS1"] = 20
    capped.clock.advance(5)
    assert (await capped.execute({})).status == 402
    capped.deployments.put("X", workspace_id=OTHER.id)
    assert (await capped.execute({}, workflow="X", key=capped.tenants.issue(OTHER))).status == 200


async def test_without_a_cap_the_store_is_not_queried(system: System) -> None:
    system.jobs.spent["WS1"] = 1_000_000
    assert (await system.execute({})).status == 200


async def test_a_plan_may_have_a_cap() -> None:
    async with running_system(spend_limit_usd=20, plan_limits={"free": {"spend_cap_usd": 30}}) as system:
        system.jobs.spent["WS1"] = 25
        assert (await system.execute({})).status == 200
        system.jobs.spent["WS1"] = 30
        system.clock.advance(5)
        assert (await system.execute({})).status == 402


async def test_the_cap_is_shown(capped: System) -> None:
    capped.jobs.spent["WS1"] = 20.5
    usage = (await capped.send("GET", "/api/users/me/usage-limits")).json["usage"]
    assert usage == {"currentPeriodCost": 20.5, "limit": 20, "plan": "free"}
    limits = (await capped.send("GET", "/api/v1/workflows?workspaceId=WS1")).json["limits"]
    assert limits["usage"] == {"currentPeriodCost": 20.5, "limit": 20, "plan": "free", "isExceeded": True}


async def test_every_endpoint_that_may_refuse_documents_it(system: System) -> None:
    paths = (await system.get("/openapi.json", key=None)).json["paths"]
    assert [path for path in CAPPED if "402" not in paths[path]["post"]["responses"]] == []
