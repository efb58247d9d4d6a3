"""Streams through a real nginx with its default settings, and through two in a row."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest
from tests.support.event_stream import events_in
from tests.support.model_server import ModelServer, Reply
from tests.support.nginx import deployed_nginx, nginx
from tests.support.public_api import PublicApi
from tests.support.workflow_files import START, agent, start, workflow

from flowport.local.stack import Stack

IDLE_CUT = "proxy_read_timeout 4s;"
SILENCE_SECONDS = 5.5
DOCUMENTED = "proxy_pass_header X-Accel-Buffering;"
STREAMS_PAGE = Path(__file__).parents[2] / "docs/api/streams.md"


def agent_workflow(model: str) -> dict[str, object]:
    return workflow(f"Behind nginx {model}", [start(), agent("a1", f"vllm/{model}", "<start.input>")], (START, "a1"))


BODY = {"stream": True, "selectedOutputs": ["agent_1.content"]}


async def frames_of(response: httpx2.Response) -> AsyncIterator[object]:
    async for event in events_in(response):
        yield event.data


async def test_the_first_token_is_not_held_back(
    api: PublicApi, models: ModelServer, stack: Stack, tmp_path: Path
) -> None:
    gate = models.gate()
    models.answer("through", Reply.says("Roses are red.", gate=gate))
    workflow_id = await api.publish(agent_workflow("through"))
    with nginx(tmp_path, stack.url) as proxy:
        url = f"{proxy}/api/workflows/{workflow_id}/execute"
        async with api.http.stream("POST", url, json={**BODY, "input": "Verse!"}) as response:
            frames = frames_of(response)
            gate.release()
            async with asyncio.timeout(30):
                assert await anext(frames) == {"blockId": "a1", "chunk": "Roses "}
            assert models.calls_of("through")[0].end is None
            gate.open()
            assert [frame async for frame in frames][-1] == "[DONE]"


@pytest.mark.parametrize("inner", ["compose's", "another"])
async def test_the_first_token_passes_two_proxies_at_once(
    api: PublicApi, models: ModelServer, stack: Stack, tmp_path: Path, inner: str
) -> None:
    """The outer proxy has nginx's defaults. The inner one must forward the header that disables buffering."""
    gate = models.gate()
    models.answer(f"through-two-{len(inner)}", Reply.says("Roses are red.", gate=gate))
    workflow_id = await api.publish(agent_workflow(f"through-two-{len(inner)}"))
    folders = [tmp_path / name for name in ("inner", "outer")]
    for folder in folders:
        folder.mkdir()
    with ExitStack() as proxies:
        if inner == "compose's":
            first = proxies.enter_context(deployed_nginx(folders[0], stack.url))
        else:
            first = proxies.enter_context(nginx(folders[0], stack.url, extra=DOCUMENTED))
        url = proxies.enter_context(nginx(folders[1], first))
        body = {**BODY, "input": "Verse!"}
        async with api.http.stream("POST", f"{url}/api/workflows/{workflow_id}/execute", json=body) as response:
            frames = frames_of(response)
            gate.release()
            async with asyncio.timeout(30):
                assert await anext(frames) == {"blockId": "a1", "chunk": "Roses "}
            gate.open()
            assert [frame async for frame in frames][-1] == "[DONE]"


def test_the_setting_for_a_second_proxy_is_documented() -> None:
    assert f"`{DOCUMENTED}`" in STREAMS_PAGE.read_text()


async def test_heartbeats_survive_an_idle_cut(
    api: PublicApi, models: ModelServer, stack: Stack, tmp_path: Path
) -> None:
    gate = models.gate()
    models.answer("thoughtful", Reply.says("At last.", gate=gate))
    workflow_id = await api.publish(agent_workflow("thoughtful"))
    with nginx(tmp_path, stack.url, extra=IDLE_CUT) as proxy:
        url = f"{proxy}/api/v2/workflows/{workflow_id}/execute"
        body = {**BODY, "input": {"input": "Think!"}}
        async with api.http.stream("POST", f"{url}?heartbeat=1", json=body) as response:
            await asyncio.sleep(SILENCE_SECONDS)
            gate.open()
            frames = [frame async for frame in frames_of(response)]
    assert "".join(frame["chunk"] for frame in frames if isinstance(frame, dict) and "chunk" in frame) == "At last."
    assert frames[-1] == "[DONE]"


async def test_without_heartbeats_an_idle_cut_ends_the_stream_and_the_reader_resumes(
    api: PublicApi, models: ModelServer, stack: Stack, tmp_path: Path
) -> None:
    gate = models.gate()
    models.answer("slow-thinker", Reply.says("At last.", gate=gate))
    workflow_id = await api.publish(agent_workflow("slow-thinker"))
    with nginx(tmp_path, stack.url, extra=IDLE_CUT) as proxy:
        path = f"{proxy}/api/v2/workflows/{workflow_id}"
        body = {**BODY, "input": {"input": "Think!"}}
        with pytest.raises(httpx2.RemoteProtocolError):
            async with api.http.stream("POST", f"{path}/execute", json=body) as response:
                run_id = response.headers["x-run-id"]
                assert [frame async for frame in frames_of(response)] == []
        gate.open()
        async with api.http.stream("GET", f"{path}/runs/{run_id}/events") as response:
            frames = [frame async for frame in frames_of(response)]
    assert frames[-1] == "[DONE]"
