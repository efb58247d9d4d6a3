"""The scripted model server keeps the promises that other tests build on."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest
from tests.support.eventually import PATIENCE_SECONDS, eventually
from tests.support.model_server import End, ModelServer, Reply, ToolCall

PATH = "/v1/chat/completions"


@pytest.fixture(scope="module")
def models() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
async def http(models: ModelServer) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=models.url, timeout=PATIENCE_SECONDS) as client:
        yield client


def ask(model: str, text: str = "Hi", **more: object) -> dict[str, object]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def frames(lines: list[str]) -> list[dict[str, object]]:
    return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]


async def test_an_unscripted_model_echoes_the_user(http: httpx2.AsyncClient) -> None:
    answer = (await http.post(PATH, json=ask("parrot", "Say it again."))).json()
    assert answer["choices"][0]["message"]["content"] == "Say it again."
    assert answer["usage"] == {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}


async def test_replies_are_sent_in_order_and_the_last_one_repeats(
    models: ModelServer, http: httpx2.AsyncClient
) -> None:
    models.answer("turns", Reply.calls(ToolCall("add", {"a": 1})), Reply.says("done"))
    messages = [(await http.post(PATH, json=ask("turns"))).json()["choices"][0] for _ in range(3)]
    assert messages[0]["finish_reason"] == "tool_calls"
    assert messages[0]["message"]["tool_calls"][0]["function"] == {"name": "add", "arguments": '{"a":1}'}
    assert [choice["message"]["content"] for choice in messages[1:]] == ["done", "done"]
    assert len(models.calls_of("turns")) == 3


async def test_a_gate_lets_tokens_out_one_by_one(models: ModelServer, http: httpx2.AsyncClient) -> None:
    gate = models.gate()
    models.answer("gated", Reply.says("one two three", gate=gate))
    async with http.stream("POST", PATH, json=ask("gated", stream=True)) as response:
        lines = response.aiter_lines()
        gate.release()
        first = json.loads((await anext(lines))[6:])
        assert first["choices"][0]["delta"] == {"content": "one "}
        call = models.calls_of("gated")[-1]
        assert (call.tokens_sent, call.end) == (1, None)
        gate.open()
        rest = [line async for line in lines]
    assert [frame["choices"] for frame in frames(rest)][-1][0]["finish_reason"] == "stop"  # type: ignore[index]
    assert rest[-2:] == ["data: [DONE]", ""]


async def test_usage_is_streamed_on_request_only(models: ModelServer, http: httpx2.AsyncClient) -> None:
    models.answer("used", Reply.says("a b", prompt_tokens=7))
    body = ask("used", stream=True, stream_options={"include_usage": True})
    with_usage = frames((await http.post(PATH, json=body)).text.splitlines())
    without = frames((await http.post(PATH, json=ask("used", stream=True))).text.splitlines())
    assert with_usage[-1]["usage"] == {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
    assert all("usage" not in frame for frame in without)


async def test_a_cut_stream_ends_without_an_end(models: ModelServer, http: httpx2.AsyncClient) -> None:
    models.answer("cut", Reply.says("a b c", cut_after=2))
    with pytest.raises(httpx2.RemoteProtocolError):
        await http.post(PATH, json=ask("cut", stream=True))
    assert models.calls_of("cut")[0].end is End.CUT


@pytest.mark.parametrize("streams", [True, False])
async def test_a_disconnected_caller_is_noticed(
    models: ModelServer, http: httpx2.AsyncClient, *, streams: bool
) -> None:
    model = f"abandoned-{streams}"
    models.answer(model, Reply.says("never", gate=models.gate()))
    asking = asyncio.create_task(http.post(PATH, json=ask(model, stream=streams)))
    await eventually(lambda: models.calls_of(model))
    asking.cancel()
    await eventually(lambda: models.calls_of(model)[0].end is End.HUNG_UP)


async def test_a_refusal_has_its_status_and_text(models: ModelServer, http: httpx2.AsyncClient) -> None:
    models.answer("busy", Reply.fails(429, "slow down", retry_after=3))
    response = await http.post(PATH, json=ask("busy"))
    assert (response.status_code, response.headers["retry-after"]) == (429, "3")
    assert response.json()["error"]["message"] == "slow down"
