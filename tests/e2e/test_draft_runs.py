"""Runs from the canvas, over the real system: the draft, another state, and parts of a run again."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from tests.e2e.conftest import ADMIN_PASSWORD
from tests.support.event_stream import events_in
from tests.support.eventually import until
from tests.support.model_server import ModelServer, Reply
from tests.support.public_api import PublicApi
from tests.support.workflow_files import START, agent, function, start, workflow

from flowport.local.stack import Stack
from gateway.settings import GatewaySettings

LARGE = 2_000_000
"""Number of characters; values larger than a message are stored and referenced."""
FILE = workflow(
    "Canvas",
    [
        start(q="string"),
        function("one", "return {v: <start.q> + '!'}", name="One"),
        function("two", "return <one.result.v> + '?'", name="Two"),
    ],
    (START, "one"),
    ("one", "two"),
)


@dataclass(frozen=True)
class Canvas:
    """A workflow that was never deployed, and its editor."""

    http: httpx2.AsyncClient
    workflow_id: str

    async def run(self, **body: Any) -> httpx2.Response:
        return await self.http.post(f"/api/workflows/{self.workflow_id}/execute", json=body)

    async def result(self, **body: Any) -> Any:
        answer = await self.run(**body)
        assert answer.status_code == 200, answer.text
        return answer.json()["output"]["result"]

    async def finished(self, **body: Any) -> str:
        """Run it; return the run's id once its record is stored."""
        answer = await self.run(**body)
        assert answer.status_code == 200, answer.text
        run_id = answer.headers["x-execution-id"]
        record = f"/api/workflows/{self.workflow_id}/executions/{run_id}"
        await until(lambda: self._finds(record))
        return run_id

    async def _finds(self, path: str) -> bool:
        return (await self.http.get(path)).is_success


@pytest.fixture
async def canvas(stack: Stack, api: PublicApi) -> AsyncIterator[Canvas]:
    imported = await api.import_(FILE)
    async with httpx2.AsyncClient(base_url=stack.url, headers={"origin": stack.url}, timeout=30) as http:
        signed_in = {"email": GatewaySettings().admin_email, "password": ADMIN_PASSWORD}
        assert (await http.post("/api/auth/sign-in/email", json=signed_in)).is_success
        yield Canvas(http, imported.json()["data"]["id"])


async def test_a_draft_or_another_state_runs_before_any_deploy(canvas: Canvas) -> None:
    assert await canvas.result(input={"q": "a"}) == "a!?"
    state = (await canvas.http.get(f"/api/workflows/{canvas.workflow_id}/state")).json()
    state["blocks"]["one"]["subBlocks"]["code"]["value"] = "return {v: <start.q> + '#'}"
    assert await canvas.result(input={"q": "a"}, workflowStateOverride=state) == "a#?"
    assert await canvas.result(input={"q": "a"}) == "a!?"
    assert (await canvas.run(useDraftState=False)).status_code == 403


async def test_the_canvas_receives_events_of_every_block(canvas: Canvas) -> None:
    answer = await canvas.run(input={"q": "a"}, stream=True)
    frames = [json.loads(line[6:]) for line in answer.text.split("\n\n")[:-2]]
    assert [(frame["type"], frame["data"].get("blockId")) for frame in frames] == [
        ("execution:started", None),
        *((f"block:{step}", block) for block in (START, "one", "two") for step in ("started", "completed")),
        ("execution:completed", None),
    ]
    assert [frame["eventId"] for frame in frames] == list(range(1, 9))
    assert frames[-1]["data"]["output"]["result"] == "a!?"


async def test_a_reader_that_loses_its_connection_resumes_where_it_stopped(
    canvas: Canvas, api: PublicApi, models: ModelServer
) -> None:
    gate = models.gate()
    models.answer("sketch", Reply.says("Once upon a time", gate=gate))
    state = workflow("Sketch", [start(), agent("a1", "vllm/sketch", "Go on!")], (START, "a1"))["state"]
    path = f"/api/workflows/{canvas.workflow_id}"
    body = {"stream": True, "workflowStateOverride": state}
    async with canvas.http.stream("POST", f"{path}/execute", json=body) as response:
        run_id = response.headers["x-execution-id"]
        gate.release(1)
        seen = 0
        async for event in events_in(response):
            seen = event.data.get("eventId", seen)
            if event.data["type"] == "stream:chunk":
                break

    gate.open()
    async with canvas.http.stream("GET", f"{path}/executions/{run_id}/stream?from={seen}") as response:
        rest = [json.loads(line.removeprefix("data: ")) async for line in response.aiter_lines() if line[6:7] == "{"]
    assert [frame["type"] for frame in rest] == ["block:completed", "execution:completed"]
    assert [frame["eventId"] for frame in rest] == [seen + 1, seen + 2]
    assert rest[-1]["data"]["output"]["content"] == "Once upon a time"


async def test_a_run_continues_from_a_block_with_given_or_stored_outputs(canvas: Canvas) -> None:
    run_id = await canvas.finished(input={"q": "a"})
    given = {"blockStates": {"one": {"output": {"result": {"v": "given"}}, "executed": True}}}
    assert await canvas.result(runFromBlock={"startBlockId": "two", "sourceSnapshot": given}) == "given?"
    assert await canvas.result(runFromBlock={"startBlockId": "two", "executionId": run_id}) == "a!?"


async def test_a_snapshot_may_be_larger_than_a_message(canvas: Canvas) -> None:
    given = {"blockStates": {"one": {"output": {"result": {"v": "x" * LARGE}}, "executed": True}}}
    again = await canvas.result(runFromBlock={"startBlockId": "two", "sourceSnapshot": given})
    assert (len(again), again[-2:]) == (LARGE + 1, "x?")


async def test_an_output_that_was_too_large_to_log_is_refused(canvas: Canvas) -> None:
    run_id = await canvas.finished(input={"q": "x" * LARGE}, stopAfterBlockId="one")
    refused = await canvas.run(runFromBlock={"startBlockId": "two", "executionId": run_id})
    assert refused.status_code == 400, refused.text
    assert "too large to be stored" in refused.json()["error"]


async def test_a_run_takes_the_input_of_an_earlier_one(canvas: Canvas) -> None:
    run_id = await canvas.finished(input={"q": "again"})
    assert await canvas.result(inputFromExecutionId=run_id) == "again!?"
