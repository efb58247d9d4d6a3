"""A disconnecting caller cancels the run, the model call included."""

import asyncio

import pytest
from tests.support.eventually import eventually
from tests.support.model_server import End, ModelServer, Reply
from tests.support.public_api import PublicApi
from tests.support.workflow_files import START, agent, start, workflow


@pytest.fixture
async def talkers(api: PublicApi, models: ModelServer) -> dict[str, str]:
    """Workflows by model; the models never finish."""
    files = {
        name: workflow(name, [start(), agent("a1", f"vllm/{name}", "go on")], (START, "a1"))
        for name in ("stream-talker", "sync-talker")
    }
    for name in files:
        models.answer(name, Reply.says("word " * 1000, token_seconds=0.05))
    return {name: await api.publish(file) for name, file in files.items()}


async def test_closing_a_stream_stops_the_model(api: PublicApi, models: ModelServer, talkers: dict[str, str]) -> None:
    async with api.stream(talkers["stream-talker"], {"selectedOutputs": ["agent_1.content"]}) as frames:
        assert (await frames.next())["chunk"]
    await eventually(lambda: models.calls_of("stream-talker")[-1].end is End.HUNG_UP)


async def test_closing_a_sync_call_stops_the_model(
    api: PublicApi, models: ModelServer, talkers: dict[str, str]
) -> None:
    calling = asyncio.create_task(api.run(talkers["sync-talker"]))
    await eventually(lambda: models.calls_of("sync-talker"))
    calling.cancel()
    await eventually(lambda: models.calls_of("sync-talker")[-1].end is End.HUNG_UP)
