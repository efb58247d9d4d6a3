"""Paused runs: only the store holds them, and each answer is accepted once, across restarts."""

import asyncio
import json
from typing import Any

import httpx2
import pytest
from tests.support.event_stream import events_in
from tests.support.public_api import PublicApi
from tests.support.workflow_files import START, block, function, response, start, workflow

from flowport.local.stack import Stack

FORM = [{"id": "ok", "name": "ok", "type": "boolean", "value": False}]


def asks(block_id: str, name: str) -> dict[str, Any]:
    return block(block_id, "human_in_the_loop", name, inputFormat=FORM)


def one_question() -> dict[str, Any]:
    """Return a question between two blocks that do not depend on it."""
    blocks = [
        start(text="string"),
        function("f1", "return <start.text>.length", name="Before"),
        asks("h1", "Ask"),
        response("r1", '{"length": <before.result>, "ok": <ask.ok>}'),
    ]
    return workflow("One question", blocks, (START, "f1"), ("f1", "h1"), ("h1", "r1"))


async def paused(api: PublicApi, workflow_id: str, run_id: str, *, points: int = 1) -> list[dict[str, Any]]:
    """Return the pauses of the run, once it has this many."""
    found: list[dict[str, Any]] = []

    async def look() -> None:
        while len(found) != points:
            answer = await api.http.get(f"/api/resume/{workflow_id}/{run_id}")
            found[:] = answer.json()["pausePoints"] if answer.is_success else []
            await asyncio.sleep(0.05)

    await asyncio.wait_for(look(), 60)
    return found


async def resume(api: PublicApi, workflow_id: str, run_id: str, context_id: str = "h1", ok: bool = True) -> int:
    path = f"/api/resume/{workflow_id}/{run_id}/{context_id}"
    return (await api.http.post(path, json={"input": {"ok": ok}})).status_code


async def test_a_reader_after_the_answer_also_receives_the_events_before_the_question(api: PublicApi) -> None:
    workflow_id = await api.publish(one_question())
    run = f"/api/v2/workflows/{workflow_id}"
    body = {"stream": True, "input": {"text": "four"}, "selectedOutputs": ["before.result", "ask.ok"]}
    async with api.http.stream("POST", f"{run}/execute", json=body) as response:
        run_id = response.headers["x-run-id"]
        first = [event.data async for event in events_in(response)]
    assert first[-2]["data"]["status"] == "paused"

    await paused(api, workflow_id, run_id)
    assert await resume(api, workflow_id, run_id) == 202
    async with api.http.stream("GET", f"{run}/runs/{run_id}/events", timeout=60) as response:
        rest = [event.data async for event in events_in(response)]
    second_attempt = rest[rest.index({"event": "reset", "attempt": 2}) :]
    assert "".join(frame["chunk"] for frame in second_attempt if "chunk" in frame) == "4\n\ntrue"
    assert second_attempt[-2]["data"]["output"] == {"f1": {"result": 4}, "h1": {"ok": True}}


async def test_a_paused_run_survives_the_restart_of_store_and_services(api: PublicApi, stack: Stack) -> None:
    workflow_id = await api.publish(one_question())
    job = await api.queue(workflow_id, {"text": "four"})
    run_id = job["executionId"]
    await paused(api, workflow_id, run_id)
    assert (await api.job(job["jobId"]))["status"] == "processing"

    assert stack.store is not None
    for name in ("executor-service", "executor-service-2", "jobs-service"):
        await asyncio.to_thread(stack.restart, name)
    await paused(api, workflow_id, run_id)
    assert await resume(api, workflow_id, run_id) == 202

    ended = await api.ended_job(job["jobId"])
    assert ended["output"]["data"] == {"length": 4, "ok": True}


async def test_a_paused_run_finishes_with_the_values_of_a_member_who_was_removed(api: PublicApi) -> None:
    blocks = [start(), asks("h1", "Ask"), function("f1", "return '{{MINE}}'.length")]
    workflow_id = await api.publish(workflow("Personal value", blocks, (START, "h1"), ("h1", "f1")))
    workspace = f"/api/workspaces/{api.workspace_id}"
    invited = (await api.http.post(f"{workspace}/invitations", json={"role": "write"})).json()["invitation"]
    person = {"email": "leaving@example.com", "name": "Lea Ving", "password": "correct horse battery"}
    body = {"token": invited["url"].partition("#")[2], **person}
    async with httpx2.AsyncClient(base_url=api.url, headers={"origin": api.url}, timeout=30) as member:
        user_id = (await member.post("/api/invitations/accept", json=body)).json()["user"]["id"]
        (await member.put("/api/environment/MINE", json={"value": "twelve chars"})).raise_for_status()
        run_id = (await member.post(f"/api/workflows/{workflow_id}/execute", json={})).json()["executionId"]
        await paused(api, workflow_id, run_id)
        (await api.http.delete(f"{workspace}/members/{user_id}")).raise_for_status()
        assert (await member.get(workspace)).is_error

    assert await resume(api, workflow_id, run_id) == 202
    assert (await ended_output(api, workflow_id, run_id))["result"] == 12


async def test_one_of_many_answers_is_accepted(api: PublicApi) -> None:
    workflow_id = await api.publish(one_question())
    job = await api.queue(workflow_id, {"text": "four"})
    await paused(api, workflow_id, job["executionId"])
    answers = await asyncio.gather(*(resume(api, workflow_id, job["executionId"]) for _ in range(10)))

    assert answers.count(202) == 1
    assert set(answers) <= {202, 404, 409}
    assert (await api.ended_job(job["jobId"]))["status"] == "completed"


async def test_branches_wait_each_for_their_own_answer(api: PublicApi) -> None:
    blocks = [start(), asks("h1", "One"), asks("h2", "Two"), function("f1", "return [<one.ok>, <two.ok>]")]
    file = workflow("Two questions", blocks, (START, "h1"), (START, "h2"), ("h1", "f1"), ("h2", "f1"))
    workflow_id = await api.publish(file)
    run = (await api.run(workflow_id)).json()
    run_id = run["executionId"]
    assert run["output"]["pauseCount"] == 2

    assert await resume(api, workflow_id, run_id, "h1", ok=True) == 202
    (left,) = await paused(api, workflow_id, run_id)
    assert left["contextId"] == "h2"
    assert await resume(api, workflow_id, run_id, "h2", ok=False) == 202
    job_id = (await api.http.get(f"/api/v2/workflows/{workflow_id}/runs?limit=1")).json()["data"][0]
    assert job_id["runId"] == run_id
    output = await ended_output(api, workflow_id, run_id)
    assert output == {"result": [True, False], "stdout": ""}


async def test_a_loop_pauses_in_every_iteration(api: PublicApi) -> None:
    file = workflow("Loop", [start(), asks("h1", "Ask"), block("l1", "loop", "Loop 1")], (START, "l1"))
    file["state"]["loops"] = {"l1": {"id": "l1", "nodes": ["h1"], "iterations": 2, "loopType": "for"}}
    file["state"]["blocks"]["l1"]["data"] = {"loopType": "for", "count": 2}
    file["state"]["blocks"]["h1"]["data"] = {"parentId": "l1", "extent": "parent"}
    file["state"]["edges"].append(
        {"id": "el", "source": "l1", "target": "h1", "sourceHandle": "loop-start-source", "targetHandle": "target"}
    )
    workflow_id = await api.publish(file)
    run_id = (await api.run(workflow_id)).json()["executionId"]
    for iteration in range(2):
        (point,) = await paused(api, workflow_id, run_id)
        assert point["contextId"] == f"h1_loop{iteration}"
        assert await resume(api, workflow_id, run_id, point["contextId"]) == 202
        if iteration == 0:
            await next_context(api, workflow_id, run_id, "h1_loop1")

    assert "results" in await ended_output(api, workflow_id, run_id)


async def test_a_long_wait_ends_without_a_request(api: PublicApi) -> None:
    wait = {"async": True, "timeValue": "0.02", "timeUnitLong": "minutes"}
    blocks = [start(), block("w1", "wait", "Wait", **wait), function("f1", "return <wait.status>")]
    workflow_id = await api.publish(workflow("Long wait", blocks, (START, "w1"), ("w1", "f1")))
    answer = (await api.run(workflow_id)).json()

    assert answer["output"]["data"]["operation"] == "wait"
    assert await resume(api, workflow_id, answer["executionId"], "w1") in (404, 409), "no caller can end it"
    assert (await ended_output(api, workflow_id, answer["executionId"]))["result"] == "completed"


def calls(block_id: str, name: str, workflow_id: str, text: str) -> dict[str, Any]:
    mapping = json.dumps({"text": text})
    return block(block_id, "workflow_input", name, workflowId=workflow_id, inputMapping=mapping)


@pytest.mark.full
async def test_a_nested_called_workflow_asks_through_its_caller_across_a_restart(api: PublicApi, stack: Stack) -> None:
    """Start two at once: one calls the workflow that asks, one calls a workflow that calls it."""
    asking = await api.publish(one_question())
    between = [start(text="string"), calls("c1", "Inner", asking, "<start.text>")]
    middle = await api.publish(workflow("Between", between, (START, "c1")))
    blocks = [
        start(),
        calls("k", "Short", asking, "four"),
        calls("l", "Long", middle, "longer"),
        function("f1", "return [<short.result.data>, <long.result.result.data>]"),
    ]
    edges = ((START, "k"), (START, "l"), ("k", "f1"), ("l", "f1"))
    workflow_id = await api.publish(workflow("Two callers", blocks, *edges))
    queued, attached = await api.queue(workflow_id), (await api.run(workflow_id)).json()
    for run_id in (queued["executionId"], attached["executionId"]):
        points = await paused(api, workflow_id, run_id, points=2)
        assert sorted(point["contextId"] for point in points) == ["k.h1", "l.c1.h1"]
    for name in ("executor-service", "executor-service-2"):
        await asyncio.to_thread(stack.restart, name)

    for run_id in (queued["executionId"], attached["executionId"]):
        assert await resume(api, workflow_id, run_id, "l.c1.h1", ok=False) == 202
        (left,) = await paused(api, workflow_id, run_id)
        assert left["contextId"] == "k.h1"
        assert await resume(api, workflow_id, run_id, "k.h1", ok=True) == 202
        output = await ended_output(api, workflow_id, run_id)
        assert output["result"] == [{"length": 4, "ok": True}, {"length": 6, "ok": False}]


async def test_a_paused_run_can_be_cancelled_and_not_answered_then(api: PublicApi) -> None:
    workflow_id = await api.publish(one_question())
    run_id = (await api.run(workflow_id, {"text": "four"})).json()["executionId"]
    cancelled = await api.http.post(f"/api/workflows/{workflow_id}/executions/{run_id}/cancel")

    assert (cancelled.status_code, cancelled.json()["pausedCancelled"]) == (200, True)
    assert await resume(api, workflow_id, run_id) == 409


async def ended_output(api: PublicApi, workflow_id: str, run_id: str) -> Any:
    async with asyncio.timeout(60):
        while True:
            found = (await api.http.get(f"/api/v2/workflows/{workflow_id}/runs/{run_id}?includeOutput=true")).json()
            if found["data"]["status"] == "completed":
                return found["data"]["output"]
            assert found["data"]["status"] in ("paused", "running"), found
            await asyncio.sleep(0.05)


async def next_context(api: PublicApi, workflow_id: str, run_id: str, context_id: str) -> None:
    async with asyncio.timeout(60):
        while not (await api.http.get(f"/api/resume/{workflow_id}/{run_id}/{context_id}")).is_success:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
