"""Names that callers give their runs."""

import asyncio

import pytest
from tests.support.eventually import eventually
from tests.unit.gateway.fakes import OTHER, Send, outcome
from tests.unit.gateway.system import System

from shared.contracts.events import RunEnded
from shared.contracts.runs import RunSpec


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


async def test_two_runs_of_one_name_do_not_hear_each_other(system: System) -> None:
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
    await theirs.hang_up()
    await eventually(lambda: system.worker.cancelled == ["order-17@WS2"])
    held.set()
    assert (await mine.done()).json["output"] == {"workspace": "WS1"}
