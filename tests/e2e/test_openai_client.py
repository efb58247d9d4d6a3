"""OpenAI's official client, unmodified: a workflow is its model."""

from collections.abc import AsyncIterator

import openai
import pytest
from openai.types.chat import ChatCompletionUserMessageParam
from tests.support.keys import key_with_limit
from tests.support.model_server import ModelServer, Reply
from tests.support.public_api import PublicApi
from tests.support.workflow_files import START, agent, function, start, workflow

from flowport.local.stack import Stack

HELLO: list[ChatCompletionUserMessageParam] = [{"role": "user", "content": "Hello"}]


@pytest.fixture
async def client(stack: Stack, api: PublicApi) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(api_key=api.http.headers["x-api-key"], base_url=f"{stack.url}/v1") as client:
        yield client


@pytest.fixture
async def clerk(api: PublicApi, models: ModelServer) -> str:
    models.answer("clerk", Reply.says("Good day to you.", prompt_tokens=3))
    file = workflow("Clerk", [start(), agent("a1", "vllm/clerk", "<start.input>")], (START, "a1"))
    return await api.publish(file)


async def test_a_completion(client: openai.AsyncOpenAI, clerk: str, models: ModelServer) -> None:
    answer = await client.chat.completions.create(model=clerk, messages=HELLO)
    assert answer.choices[0].message.content == "Good day to you."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 3
    assert models.calls_of("clerk")[-1].messages[-1] == {"role": "user", "content": "Hello"}


async def test_a_stream(client: openai.AsyncOpenAI, clerk: str) -> None:
    stream = await client.chat.completions.create(
        model=clerk, messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(texts) == "Good day to you."
    assert len([text for text in texts if text]) > 1
    assert chunks[-1].usage is not None


async def test_errors_are_the_clients_own(client: openai.AsyncOpenAI, api: PublicApi) -> None:
    with pytest.raises(openai.NotFoundError):
        await client.chat.completions.create(model="nowhere", messages=HELLO)
    with pytest.raises(openai.AuthenticationError):
        await client.with_options(api_key="sk-sim-wrong").chat.completions.create(model="nowhere", messages=HELLO)
    with pytest.raises(openai.BadRequestError) as refused:
        await client.chat.completions.create(model="nowhere", messages=HELLO, n=2)
    assert refused.value.param == "n"
    broken = await api.publish(workflow("Broken", [start(), function("f1", 'throw new Error("boom")')], (START, "f1")))
    with pytest.raises(openai.InternalServerError, match="boom"):
        await client.chat.completions.create(model=broken, messages=HELLO)


async def test_a_rate_limited_call_is_retried_by_the_client(
    client: openai.AsyncOpenAI, clerk: str, stack: Stack, api: PublicApi
) -> None:
    patient = client.with_options(api_key=await key_with_limit(stack, api, 1))
    for _ in range(3):
        assert (await patient.chat.completions.create(model=clerk, messages=HELLO)).choices


async def test_workflows_are_listed_as_models(client: openai.AsyncOpenAI, clerk: str) -> None:
    assert clerk in [model.id async for model in client.models.list()]
    assert (await client.models.retrieve(clerk)).id == clerk
