"""Lines to the broker that break one at a time: no caller is left without an answer."""

import asyncio
from urllib.parse import quote

import httpx
from tests.faults.harness.until import until
from tests.faults.harness.witness import Witness
from tests.faults.harness.workflows import steps
from tests.support.eventually import eventually
from tests.support.public_door import PublicDoor

from flowport.stack import Stack

CALLERS = 4


async def break_lines(stack: Stack, name: str) -> bool:
    """Have the broker hang up on every connection of this name; False when it does not list any yet."""
    assert stack.rabbitmq is not None
    async with httpx.AsyncClient(base_url=stack.rabbitmq.management_url) as api:
        lines = (await api.get("/api/connections")).raise_for_status().json()
        named = [line["name"] for line in lines if line["client_properties"].get("connection_name") == name]
        for line in named:
            (await api.delete(f"/api/connections/{quote(line, safe='')}")).raise_for_status()
    return bool(named)


async def test_callers_are_answered_by_workers_whose_line_broke_under_the_run(
    stack: Stack, witness: Witness, door: PublicDoor
) -> None:
    workflow_id = await door.publish(steps(witness.url, "line-a"))
    witness.hold("line-a")
    calls = [asyncio.create_task(door.run(workflow_id, {"run": f"l{n}"})) for n in range(CALLERS)]
    await eventually(lambda: witness.calls("line-a") == CALLERS, seconds=10)
    await until(lambda: break_lines(stack, "executor-service publishes"), seconds=15)
    witness.let_go("line-a")
    answers = await asyncio.wait_for(asyncio.gather(*calls), 10)

    assert [answer.status_code for answer in answers] == [200] * CALLERS
