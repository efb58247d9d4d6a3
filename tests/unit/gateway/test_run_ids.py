"""Run ids that callers choose."""

import asyncio

import pytest
from tests.support.eventually import eventually
from tests.support.gateway.system import System
from tests.support.gateway.tenants import OTHER
from tests.support.gateway.worker import Send, outcome

from shared.contracts.events import RunEnded
from shared.contracts.runs import RunSpec
from shared.errors import Unavailable


async def test_an_id_is_used_once(system: System) -> None:
    assert (await system.execute({}, headers={"X-Execution-Id": "E1"})).status == 200
    answer = await system.execute({}, headers={"X-Execution-Id": "E1"})
    assert answer.status == 409
    assert answer.json == {
        "error": "Execution ID has already been used",
        "code": "EXECUTION_ID_CONFLICT",
        "executionId": "E1",
    }


async def test_the_header_beats_the_body(system: System) -> None:
    answer = await system.execute({"executionId": 5}, headers={"X-Execution-Id": "E1"})
    assert answer.json["executionId"] == "E1"
    assert answer.json["output"]["result"] == {"executionId": 5}


async def test_an_id_in_the_body_names_the_run_and_stays_input(system: System) -> None:
    answer = await system.execute({"hello": "world", "executionId": "E1"})
    assert answer.json["executionId"] == "E1"
    assert answer.json["output"]["result"] == {"hello": "world", "executionId": "E1"}


async def test_a_refused_call_gives_its_id_back(system: System) -> None:
    system.deployments.undeployed("D")
    assert (await system.execute({}, workflow="D", headers={"X-Execution-Id": "E1"})).status == 403
    assert (await system.execute({}, headers={"X-Execution-Id": "E1"})).status == 200


async def test_without_the_store_of_ids_a_chosen_id_is_503(system: System) -> None:
    system.jobs.refusal = Unavailable("http://jobs is unavailable")
    answer = await system.execute({}, headers={"X-Execution-Id": "E1"})
    assert answer.status == 503
    assert answer.json == {"error": "Workflow execution identity is temporarily unavailable"}
    assert (await system.execute({})).status == 200


@pytest.mark.parametrize("mode", [{}, {"X-Stream-Response": "true"}, {"X-Execution-Mode": "async"}])
async def test_two_workspaces_may_use_one_name(system: System, mode: dict[str, str]) -> None:
    system.deployments.put("X", workspace_id=OTHER.id)
    headers = {**mode, "X-Execution-Id": "order-17"}
    mine = await system.execute({}, headers=headers)
    theirs = await system.execute({}, workflow="X", headers=headers, key=system.tenants.issue(OTHER))
    assert mine.status == theirs.status == (202 if "X-Execution-Mode" in mode else 200)
    assert mine.headers["x-execution-id"] == theirs.headers["x-execution-id"] == "order-17"
    again = await system.execute({}, headers=headers)
    assert (again.status, again.json["executionId"]) == (409, "order-17")


async def test_two_runs_of_one_name_receive_separate_events(system: System) -> None:
    held = asyncio.Event()

    async def waits(run: RunSpec, send: Send) -> None:
        await held.wait()
        await send(0, [RunEnded(outcome({"workspace": run.snapshot.workspace_id}))])

    system.worker.perform = waits
    system.deployments.put("X", workspace_id=OTHER.id)
    headers = {"X-Execution-Id": "order-17"}
    mine = system.execute_call({}, headers=headers)
    theirs = system.execute_call({}, workflow="X", headers=headers, key=system.tenants.issue(OTHER))
    await eventually(lambda: len(system.worker.runs) == 2)
    await theirs.disconnect()
    await eventually(lambda: system.worker.cancelled == ["order-17@WS2"])
    held.set()
    assert (await mine.done()).json["output"] == {"workspace": "WS1"}
