"""Thoughts, tool calls and retracted text, for callers that declare support for them."""

from typing import Any

from tests.support.event_stream import events_in
from tests.support.model_server import ModelServer, Reply, ToolCall
from tests.support.public_api import Frames, PublicApi
from tests.support.workflow_files import START, agent, start, workflow

ADD = {
    "type": "custom-tool",
    "title": "add",
    "usageControl": "auto",
    "code": "return a + b",
    "schema": {
        "function": {
            "name": "add",
            "parameters": {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}},
        }
    },
}
BODY = {"input": "2 + 3?", "stream": True, "selectedOutputs": ["agent_1.content"]}
EVENTS = {"includeThinking": True, "includeToolCalls": True}
NEGOTIATED = {"X-Sim-Stream-Protocol": "agent-events-v1"}


def script(models: ModelServer, model: str) -> None:
    call = ToolCall("custom_add", {"a": 2, "b": 3}, id="c1")
    asks = Reply(tokens=("Let ", "me see."), thinking=("Numbers!",), tool_calls=(call,))
    models.answer(model, asks, Reply.says("It is 5."))


async def calculator(api: PublicApi, model: str) -> str:
    """Deploy a workflow whose agent has a tool; return its id."""
    agent_1 = agent("a1", f"vllm/{model}", "<start.input>", tools=[ADD])
    return await api.publish(workflow(model, [start(), agent_1], (START, "a1")))


async def frames(api: PublicApi, model: str, **headers: str) -> list[Any]:
    workflow_id = await calculator(api, model)
    body = {**BODY, **(EVENTS if headers else {})}
    async with api.http.stream("POST", f"/api/workflows/{workflow_id}/execute", json=body, headers=headers) as answer:
        assert answer.headers.get("x-sim-stream-protocol") == headers.get("X-Sim-Stream-Protocol")
        return await Frames(answer).rest()


def assert_receives_every_event(events: list[Any]) -> None:
    reset = events.index({"blockId": "a1", "event": "chunk_reset"})
    before, after = events[:reset], events[reset + 1 :]
    assert {"blockId": "a1", "event": "thinking", "data": "Numbers!"} in before
    assert "".join(frame.get("chunk", "") for frame in before) == "Let me see."
    assert [frame for frame in after if frame != "[DONE]" and frame.get("event") == "tool"] == [
        {"blockId": "a1", "event": "tool", "phase": "start", "id": "c1", "name": "custom_add"},
        {"blockId": "a1", "event": "tool", "phase": "end", "id": "c1", "name": "custom_add", "status": "success"},
    ]
    assert "".join(frame.get("chunk", "") for frame in after[:-1]) == "It is 5."


async def test_a_caller_that_negotiates_receives_every_event(api: PublicApi, models: ModelServer) -> None:
    script(models, "open")
    assert_receives_every_event(await frames(api, "open", **NEGOTIATED))


async def test_v2_sends_the_same_events_and_resends_them_to_a_returning_reader(
    api: PublicApi, models: ModelServer
) -> None:
    script(models, "open-again")
    path = f"/api/v2/workflows/{await calculator(api, 'open-again')}"
    body = {**BODY, **EVENTS, "input": {"input": "2 + 3?"}}
    async with api.http.stream("POST", f"{path}/execute", json=body, headers=NEGOTIATED) as answer:
        assert answer.headers["x-sim-stream-protocol"] == "agent-events-v1"
        run_id = answer.headers["x-run-id"]
        events = [event async for event in events_in(answer)]
    assert_receives_every_event([event.data for event in events])

    seen = next(event for event in events if event.data == {"blockId": "a1", "event": "chunk_reset"})
    reader = {"last-event-id": str(seen.id)}
    async with api.http.stream("GET", f"{path}/runs/{run_id}/events", headers=reader) as answer:
        rest = [event async for event in events_in(answer)]
    assert rest == events[events.index(seen) + 1 :]


async def test_other_callers_receive_the_answer_only(api: PublicApi, models: ModelServer) -> None:
    script(models, "plain")
    events = await frames(api, "plain")
    assert "".join(frame["chunk"] for frame in events[:-2]) == "It is 5."
    assert events[-1] == "[DONE]"


async def test_asking_without_negotiating_is_refused(api: PublicApi) -> None:
    workflow_id = await api.publish(workflow("Unnegotiated", [start()]))
    answer = await api.run(workflow_id, {"stream": True, "includeThinking": True})
    assert answer.status_code == 400
    assert "X-Sim-Stream-Protocol: agent-events-v1" in answer.json()["error"]
