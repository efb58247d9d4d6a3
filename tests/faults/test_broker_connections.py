"""Connections to the broker break one at a time: every caller still gets an answer."""

import asyncio
from urllib.parse import quote, urlsplit

import httpx2
from tests.faults.harness.witness import Witness
from tests.faults.harness.workflows import steps
from tests.support.eventually import eventually, until
from tests.support.public_api import JsonObject, PublicApi
from tests.support.silent_proxy import Line
from tests.support.workflow_files import start, workflow

from flowport.local.stack import Stack

CALLERS = 4
LOST = "The connection to the workers was lost"


async def close_connections(stack: Stack, name: str) -> bool:
    """Let the broker close every connection of this name; return False while it lists none."""
    assert stack.rabbitmq is not None
    async with httpx2.AsyncClient(base_url=stack.rabbitmq.management_url, timeout=30) as management:
        lines = (await management.get("/api/connections")).raise_for_status().json()
        named = [line["name"] for line in lines if line["client_properties"].get("connection_name") == name]
        for line in named:
            (await management.delete(f"/api/connections/{quote(line, safe='')}")).raise_for_status()
    return bool(named)


async def streamed(api: PublicApi, workflow_id: str, body: JsonObject) -> list[JsonObject]:
    """Read every frame of a stream."""
    async with api.stream(workflow_id, body) as frames:
        return await frames.rest()


async def test_callers_are_answered_by_workers_whose_line_broke_under_the_run(
    stack: Stack, witness: Witness, api: PublicApi
) -> None:
    workflow_id = await api.publish(steps(witness.url, "line-a"))
    witness.hold("line-a")
    calls = [asyncio.create_task(api.run(workflow_id, {"run": f"l{n}"})) for n in range(CALLERS)]
    await eventually(lambda: witness.calls("line-a") == CALLERS)
    await until(lambda: close_connections(stack, "executor-service publishes"))
    witness.let_go("line-a")
    answers = await asyncio.wait_for(asyncio.gather(*calls), 30)

    assert [answer.status_code for answer in answers] == [200] * CALLERS


async def test_callers_get_an_error_from_a_killed_broker_and_are_served_after_its_restart(
    stack: Stack, witness: Witness, api: PublicApi
) -> None:
    assert stack.rabbitmq is not None
    workflow_id = await api.publish(steps(witness.url, "away-a"))
    witness.hold("away-a")
    calls = [
        asyncio.create_task(api.run(workflow_id, {"run": f"b{n}"}, headers={"x-execution-id": f"away-{n}"}))
        for n in range(CALLERS)
    ]
    streams = [asyncio.create_task(streamed(api, workflow_id, {"run": f"s{n}"})) for n in range(CALLERS)]
    await eventually(lambda: witness.calls("away-a") == 2 * CALLERS)
    stack.rabbitmq.kill()
    answers, frames = await asyncio.gather(*calls), await asyncio.gather(*streams)
    refused = await api.run(workflow_id, {"run": "later"})
    await asyncio.to_thread(stack.rabbitmq.start)
    witness.let_go("away-a")

    assert [(answer.status_code, answer.json()["executionId"]) for answer in answers] == [
        (503, f"away-{n}") for n in range(CALLERS)
    ]
    assert [stream[0] for stream in frames] == [{"event": "error", "error": LOST}] * CALLERS
    assert refused.status_code == 503
    await until(lambda: _serves(api, workflow_id))


async def test_a_gateway_with_a_silent_connection_refuses_calls_until_it_recovers(stack: Stack, api: PublicApi) -> None:
    name, broker = "gateway-2", urlsplit(stack.amqp_url)
    workflow_id = await api.publish(workflow("Short", [start()]))
    async with Line([broker.port or 0]) as line:
        through = broker._replace(netloc=broker.netloc.replace(f":{broker.port}", f":{line.port}")).geturl()
        await asyncio.to_thread(stack.restart, name, environment={"FLOWPORT_AMQP_URL": through})
        alone = PublicApi(stack.url_of(name), api.http.headers["x-api-key"], api.workspace_id)
        await until(lambda: _serves(alone, workflow_id))

        line.cut()
        refused, elsewhere = await alone.run(workflow_id), await api.run(workflow_id)
        await until(lambda: _is_red(alone))
        line.restore()
        await until(lambda: _serves(alone, workflow_id), seconds=60)
        await alone.close()
    await asyncio.to_thread(stack.restart, name, environment={"FLOWPORT_AMQP_URL": stack.amqp_url})

    assert (refused.status_code, elsewhere.status_code) == (503, 200)


async def _is_red(api: PublicApi) -> bool:
    return (await api.http.get("/readyz")).status_code == 503


async def _serves(api: PublicApi, workflow_id: str) -> bool:
    return (await api.run(workflow_id, {"run": "after"})).is_success
