"""A recorded workflow with everything that a replay answers or runs, and its recorded runs."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from tests.faults.harness.witness import Witness
from tests.support.eventually import until
from tests.support.model_server import ModelServer, Reply, ToolCall
from tests.support.public_api import PublicApi
from tests.support.workflow_files import (
    START,
    JsonObject,
    agent,
    block,
    condition,
    function,
    handle,
    response,
    start,
    workflow,
)

SEND, LOOK_UP = "orders-send", "orders-tool"
ITEMS: Final = 2
IGNORE: Final = ["Stamp.result.at"]
"""The only field that differs between two replays on the same version."""
POLL_SECONDS: Final = 0.05
ENDED: Final = ("completed", "failed")


def orders(
    witness_url: str, model: str, *, prompt: str = "Order", check: str = "<start.amount> > 50", field: str = "total"
) -> JsonObject:
    """Return the workflow; each option is one of its regressions."""
    tool = {"type": "api", "usageControl": "auto", "params": {"url": f"{witness_url}/{LOOK_UP}/any"}}
    blocks = [
        start(run="string", amount="number"),
        function("price", f"return {{{field}: <start.amount> * 2}}", name="Price"),
        condition("check", {"if": check, "else": ""}, name="Check"),
        function("large", "return 'large'", name="Large"),
        function("small", "return 'small'", name="Small"),
        agent("ask", f"vllm/{model}", f"{prompt} <start.run>", name="Ask", tools=[tool]),
        _box("items", "loop", {"loopType": "for", "count": ITEMS}, "Items"),
        _inside(block("send", "api", "Send", url=f"{witness_url}/{SEND}/<start.run>", method="POST"), "items"),
        _box("labels", "parallel", {"parallelType": "count", "count": ITEMS}, "Labels"),
        _inside(function("label", "return <start.run> + '/' + <parallel.index>", name="Label"), "labels"),
        block("approve", "human_in_the_loop", "Approve", inputFormat=[{"name": "ok", "type": "boolean"}]),
        function("stamp", "return {at: Date.now() + Math.random(), ok: <approve.ok>}", name="Stamp"),
        response("answer", f'{{"total": <price.result.{field}>, "text": "<ask.content>"}}', name="Answer"),
    ]
    return workflow(
        "Orders",
        blocks,
        (START, "price"),
        ("price", "check"),
        ("check", "large", handle("check", "if")),
        ("check", "small", handle("check", "else")),
        ("large", "ask"),
        ("small", "ask"),
        ("ask", "items"),
        ("items", "send", "loop-start-source"),
        ("items", "labels", "loop-end-source"),
        ("labels", "label", "parallel-start-source"),
        ("labels", "approve", "parallel-end-source"),
        ("approve", "stamp"),
        ("stamp", "answer"),
    )


async def record(api: PublicApi, models: ModelServer, witness: Witness, model: str, runs: int) -> tuple[str, list[str]]:
    """Publish the workflow and record runs, attached and durable ones in turn; return its id and theirs."""
    asks = Reply(tool_calls=(ToolCall("http_request", {}, id="c1"),))
    models.answer(model, *[asks, Reply.says("Sent.")] * runs)
    workflow_id = await api.publish(orders(witness.url, model))
    access = f"/api/workflows/{workflow_id}/deploy"
    (await api.http.patch(access, json={"recording": {"sample": 1, "days": 1}})).raise_for_status()
    run_ids = [await _run(api, workflow_id, number) for number in range(runs)]
    assert len(set(run_ids)) == runs

    async def are_recorded() -> bool:
        return set(await recorded_runs(api, workflow_id)) == set(run_ids)

    await until(are_recorded)
    return workflow_id, run_ids


async def recorded_runs(api: PublicApi, workflow_id: str) -> list[str]:
    """Return the ids of all recorded runs."""
    found: list[str] = []
    query: dict[str, Any] = {"limit": 100}
    while True:
        path = f"/api/v2/workflows/{workflow_id}/recordings"
        page = (await api.http.get(path, params=query)).raise_for_status().json()
        found += [each["runId"] for each in page["data"]]
        if not page.get("nextCursor"):
            return found
        query["cursor"] = page["nextCursor"]


async def start_replay(api: PublicApi, workflow_id: str, run_id: str, **body: Any) -> str:
    """Queue a replay, retrying while the gateway is unavailable; return its id."""
    path = f"/api/v2/workflows/{workflow_id}/recordings/{run_id}/replay"
    started: list[str] = []

    async def is_accepted() -> bool:
        answer = await api.http.post(path, json=body)
        if answer.is_success:
            started.append(answer.json()["data"]["runId"])
        return bool(started)

    await until(is_accepted)
    return started[0]


async def result_of(api: PublicApi, workflow_id: str, replay_id: str) -> JsonObject:
    """Return the comparison when the replay has ended."""
    path = f"/api/v2/workflows/{workflow_id}/runs/{replay_id}"
    found: JsonObject = {}

    async def has_ended() -> bool:
        await asyncio.sleep(POLL_SECONDS)
        answer = await api.http.get(path, params={"includeOutput": "true"})
        found.update(answer.raise_for_status().json()["data"])
        return found["status"] in ENDED

    await until(has_ended)
    assert found["status"] == "completed", found
    result: JsonObject = found["output"]
    return result


async def replay_all(api: PublicApi, workflow_id: str, run_ids: Sequence[str], **body: Any) -> list[JsonObject]:
    """Replay runs, and return the comparisons."""
    replays = [await start_replay(api, workflow_id, run_id, **body) for run_id in run_ids]
    return [await result_of(api, workflow_id, each) for each in replays]


def calls(models: ModelServer, witness: Witness, model: str) -> tuple[int, int, int]:
    """Return the calls of the model, the API and the agent's tool."""
    return len(models.calls_of(model)), witness.calls(SEND), witness.calls(LOOK_UP)


async def _run(api: PublicApi, workflow_id: str, number: int) -> str:
    body = {"run": f"r{number}", "amount": 7 * number % 100}
    if number % 2:
        run_id = (await api.queue(workflow_id, body))["executionId"]
    else:
        run_id = (await api.run(workflow_id, body)).raise_for_status().json()["executionId"]
    path = f"/api/resume/{workflow_id}/{run_id}"

    async def is_approved() -> bool:
        await asyncio.sleep(POLL_SECONDS)
        return (await api.http.post(f"{path}/approve", json={"input": {"ok": True}})).status_code == 202

    await until(is_approved)
    return str(run_id)


def _box(block_id: str, kind: str, data: JsonObject, name: str) -> JsonObject:
    return {**block(block_id, kind, name), "data": data}


def _inside(inner: JsonObject, box: str) -> JsonObject:
    return {**inner, "data": {"parentId": box, "extent": "parent"}}
