"""v2 streams survive a lost gateway, a lost worker and a late reader."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from tests.support.event_stream import Event, events_in
from tests.support.eventually import eventually
from tests.support.model_server import Gate, ModelServer, Reply
from tests.support.public_api import PublicApi
from tests.support.workflow_files import START, agent, start, workflow

from flowport.local.stack import Stack
from shared.service import ServiceName

POEM = " ".join(f"word{n}" for n in range(40))
SECOND_GATEWAY = "gateway-2"
SILENCE_SECONDS = 150
"""Longer than a lost lease or a missing confirm delays a stream on a slow machine."""


@pytest.fixture
def second_gateway(stack: Stack) -> Iterator[str]:
    """Another gateway that a test may kill."""
    stack.scale(ServiceName.GATEWAY, 2)
    yield stack.url_of(SECOND_GATEWAY)
    stack.scale(ServiceName.GATEWAY, 1)


@asynccontextmanager
async def streaming(api: PublicApi, workflow_id: str, *, base: str = "") -> AsyncIterator[httpx2.Response]:
    body = {"stream": True, "input": {"input": "Verse!"}, "selectedOutputs": ["agent_1.content"]}
    async with api.http.stream("POST", f"{base}/api/v2/workflows/{workflow_id}/execute", json=body) as response:
        assert response.status_code == 200, await response.aread()
        yield response


async def read_all(api: PublicApi, workflow_id: str, run_id: str, *, after: str | None = None) -> list[Event]:
    headers = {"last-event-id": after} if after else {}
    path = f"/api/v2/workflows/{workflow_id}/runs/{run_id}/events"
    async with api.http.stream("GET", path, headers=headers, timeout=SILENCE_SECONDS) as response:
        assert response.status_code == 200, await response.aread()
        return [event async for event in events_in(response)]


def text_of(events: list[Event]) -> str:
    return "".join(event.data["chunk"] for event in events if "chunk" in event.data)


async def poet(api: PublicApi, models: ModelServer, name: str) -> tuple[str, Gate]:
    """Deploy a workflow whose model answers when the gate opens."""
    gate = models.gate()
    models.answer(name, Reply.says(POEM, gate=gate))
    file = workflow(f"Poet {name}", [start(), agent("a1", f"vllm/{name}", "<start.input>")], (START, "a1"))
    return await api.publish(file), gate


async def test_a_reader_whose_gateway_is_killed_gets_every_token_once_from_another(
    api: PublicApi, models: ModelServer, stack: Stack, second_gateway: str
) -> None:
    workflow_id, gate = await poet(api, models, "steadfast")
    seen: list[Event] = []
    async with streaming(api, workflow_id, base=second_gateway) as response:
        run_id = response.headers["x-run-id"]
        gate.release(5)
        with pytest.raises(httpx2.HTTPError):
            async for event in events_in(response):
                seen.append(event)
                if text_of(seen).count(" ") == 5:
                    await asyncio.to_thread(stack.kill, SECOND_GATEWAY)

    gate.open()
    rest = await read_all(api, workflow_id, run_id, after=seen[-1].id)
    assert text_of(seen) + text_of(rest) == POEM
    final = {"event": "final", "data": {"success": True, "output": {}}}
    assert [event.data for event in rest[-2:]] == [final, "[DONE]"]


async def test_many_readers_follow_one_run_during_and_after_it(api: PublicApi, models: ModelServer) -> None:
    workflow_id, gate = await poet(api, models, "public")
    async with streaming(api, workflow_id) as response:
        run_id = response.headers["x-run-id"]
        gate.release(3)
        readers = [asyncio.create_task(read_all(api, workflow_id, run_id)) for _ in range(4)]
        await asyncio.sleep(0.2)
        gate.open()
        first = [event async for event in events_in(response)]
    during = await asyncio.gather(*readers)
    after = await read_all(api, workflow_id, run_id)

    assert text_of(first) == POEM
    assert [text_of(events) for events in (*during, after)] == [POEM] * 5
    assert {events[-1].data for events in (*during, after)} == {"[DONE]"}


async def test_a_killed_worker_resets_the_stream_and_another_repeats_it(
    api: PublicApi, models: ModelServer, stack: Stack
) -> None:
    worker, *others = [name for name in stack.names if name.startswith(ServiceName.EXECUTOR)]
    for name in others:  # so that the run has a known worker
        await asyncio.to_thread(stack.kill, name)
    workflow_id, gate = await poet(api, models, "mortal")
    async with streaming(api, workflow_id) as response:
        events = events_in(response)
        gate.release(2)
        first = await anext(events)
        models.answer("mortal", Reply.says(POEM))
        await asyncio.to_thread(stack.kill, worker)
        for name in (worker, *others):
            await asyncio.to_thread(stack.restart, name)
        rest = [event async for event in events]
    resets = [n for n, event in enumerate(rest) if event.data == {"event": "reset", "attempt": 2}]
    assert first.data["chunk"].startswith("word0")
    assert len(resets) == 1
    assert text_of(rest[resets[0] :]) == POEM


async def test_a_queued_run_is_read_from_its_beginning(api: PublicApi, models: ModelServer) -> None:
    workflow_id, gate = await poet(api, models, "patient-reader")
    gate.open()
    path = f"/api/v2/workflows/{workflow_id}/execute"
    accepted = (await api.http.post(path, json={"async": True, "input": {"input": "x"}})).raise_for_status().json()
    events = await read_all(api, workflow_id, accepted["data"]["runId"])
    assert events[-2].data["data"]["output"]["content"] == POEM
    assert events[-1].data == "[DONE]"


async def test_a_caller_can_cancel_after_disconnecting(api: PublicApi, models: ModelServer) -> None:
    workflow_id, gate = await poet(api, models, "endless")
    async with streaming(api, workflow_id) as response:
        run_id = response.headers["x-run-id"]
        gate.release(1)
        await anext(events_in(response))
    call = models.calls_of("endless")[0]
    assert call.end is None
    await api.http.post(f"/api/v2/workflows/{workflow_id}/runs/{run_id}/cancel")
    await eventually(lambda: call.end is not None)
    events = await read_all(api, workflow_id, run_id)
    assert events[-2].data["data"]["success"] is False
