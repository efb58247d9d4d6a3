"""Redrives pass the checks of new calls."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from tests.support.gateway.jobs import a_view
from tests.support.gateway.system import System, running_system

from shared.contracts.dead_letters import DeadLetterKind
from shared.contracts.runs import RunStatus

REDRIVES = ("/api/v1/runs/E1/redrive", "/api/v1/dead-letters/L1/redrive")
each_redrive = pytest.mark.parametrize("path", REDRIVES)


@pytest.fixture
async def system() -> AsyncIterator[System]:
    """A gateway with the failed run `E1` of the live version."""
    async with running_system(spend_limit_usd=20, plan_limits={"free": {"async_rate": 1}}) as started:
        version = started.deployments.endpoints["W"].version
        started.jobs.views["E1"] = a_view(RunStatus.FAILED, version=version)
        yield started


@each_redrive
async def test_a_workspace_over_its_spend_cap_redrives_nothing(system: System, path: str) -> None:
    system.jobs.spent["WS1"] = 20.5
    assert (await system.send("POST", path)).status == 402
    assert system.dead_letters.requests == []
    assert system.audit.entries == []


@each_redrive
async def test_a_redrive_counts_as_an_async_call(system: System, path: str) -> None:
    statuses = [(await system.send("POST", path)).status for _ in range(3)]
    assert statuses == [202, 202, 429]
    assert len(system.dead_letters.requests) == 2


@each_redrive
async def test_a_run_of_a_deleted_workflow_is_not_redriven(system: System, path: str) -> None:
    assert (await system.send("DELETE", "/api/workflows/W")).status == 200
    assert (await system.send("POST", path)).status == 404
    assert system.dead_letters.requests == []


@each_redrive
async def test_a_version_of_an_undeployed_workflow_is_not_redriven(system: System, path: str) -> None:
    assert (await system.send("DELETE", "/api/workflows/W/deploy")).status == 200
    assert (await system.send("POST", path)).status == 403
    assert system.dead_letters.requests == []


@each_redrive
async def test_a_draft_run_needs_no_deployment(system: System, path: str) -> None:
    system.jobs.views["E1"] = a_view(RunStatus.FAILED)
    assert (await system.send("DELETE", "/api/workflows/W/deploy")).status == 200
    assert (await system.send("POST", path)).status == 202


async def test_records_are_stored_again_over_the_cap(system: System) -> None:
    letter = system.dead_letters.letter
    system.dead_letters.letter = msgspec.structs.replace(letter, kind=DeadLetterKind.RECORDS, run_id=None)
    system.jobs.spent["WS1"] = 20.5
    assert (await system.send("POST", REDRIVES[1])).status == 202
