"""A new version of every process, under load: no caller notices."""

import asyncio
from itertools import count
from signal import SIGTERM

import httpx2
from tests.faults.harness.load import Callers
from tests.faults.harness.witness import Witness
from tests.faults.harness.workflows import steps
from tests.support.eventually import eventually
from tests.support.model_server import ModelServer, Reply
from tests.support.public_api import PublicApi
from tests.support.workflow_files import START, agent, start, workflow

from flowport.local.stack import Stack

CALLERS = 2
PAUSE_SECONDS = 0.1


async def test_a_rolling_restart_fails_no_call(
    stack: Stack, witness: Witness, api: PublicApi, callers: Callers
) -> None:
    workflow_id = await api.publish(steps(witness.url, "roll"))
    numbers, stopping = count(), asyncio.Event()

    async def call_on_and_on() -> None:
        while not stopping.is_set():
            await callers.run(workflow_id, f"sync{next(numbers)}")
            await callers.queue(workflow_id, f"job{next(numbers)}")
            await asyncio.sleep(PAUSE_SECONDS)

    load = [asyncio.create_task(call_on_and_on()) for _ in range(CALLERS)]
    await eventually(lambda: callers.counts.finished > CALLERS)
    for name in ("gateway-2", "executor-service", "jobs-service", "deploy-service"):
        await asyncio.to_thread(stack.restart, name)
    stopping.set()
    await asyncio.gather(*load)
    ends = await callers.ended(seconds=60)

    counts = callers.counts
    assert (counts.refused, counts.broken) == ([], [])
    assert counts.finished > CALLERS
    assert {end["status"] for end in ends.values()} == {"completed"}
    assert {witness.calls("roll", name) for name in counts.accepted} == {1}


async def test_a_stopping_gateway_redirects_its_callers_before_it_refuses_any(stack: Stack, api: PublicApi) -> None:
    name, notice = "gateway-2", {"FLOWPORT_DRAIN_NOTICE_SECONDS": "4"}
    await asyncio.to_thread(stack.restart, name, environment=notice)
    workflow_id = await api.publish(workflow("Short", [start()]))
    alone = PublicApi(stack.url_of(name), api.http.headers["x-api-key"], api.workspace_id)
    assert (await alone.run(workflow_id)).headers.get("connection") is None

    stack.kill(name, SIGTERM)
    async with httpx2.AsyncClient(base_url=alone.url, timeout=30) as probe, asyncio.timeout(30):
        while (ready := await probe.get("/readyz")).is_success:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert (ready.status_code, ready.json()["status"]) == (503, "draining")
    answer = await alone.run(workflow_id)
    assert (answer.status_code, answer.headers["connection"]) == (200, "close")

    await alone.close()
    await asyncio.to_thread(stack.restart, name, environment={"FLOWPORT_DRAIN_NOTICE_SECONDS": "0"})


async def test_a_call_longer_than_the_drain_time_of_a_gateway_gets_an_error(
    stack: Stack, models: ModelServer, api: PublicApi, callers: Callers
) -> None:
    models.answer("endless", Reply.says("late", gate=models.gate()))
    file = workflow("Endless", [start(), agent("a1", "vllm/endless", "go on")], (START, "a1"))
    workflow_id = await api.publish(file)
    alone = PublicApi(stack.url_of("gateway-2"), api.http.headers["x-api-key"], api.workspace_id)
    call = asyncio.create_task(alone.run(workflow_id))
    await eventually(lambda: models.calls_of("endless"))

    await asyncio.to_thread(stack.restart, "gateway-2")
    answer = await call
    await alone.close()

    assert answer.status_code == 503
    assert answer.json()["error"] == "The server is stopping"
