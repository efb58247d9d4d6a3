"""A busy, broken, silent or unavailable model is retried while that may help, within the allowed time."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from tests.support.eventually import PATIENCE_SECONDS
from tests.support.http_stub import Answer, HttpStub
from tests.support.left_behind import without_collections
from tests.support.listener import RecordingListener
from tests.support.model_providers import all_served_at

from executor_service.providers import Message, ModelFailure, ModelRequest, Models, Role, retries
from executor_service.providers.model import CONNECTION_CLOSED, TIMED_OUT
from executor_service.providers.retries import MAX_TRIES

SSE = {"content-type": "text/event-stream"}
AT_ONCE = {"retry-after": "0"}
every_provider = pytest.mark.parametrize("model", ["vllm/x", "claude-x", "gemini-x"])
streamed_or_not = pytest.mark.parametrize("listener", [None, RecordingListener()], ids=["whole", "is_streamed"])


def asks(model: str, seconds: float = 30) -> ModelRequest:
    return ModelRequest(model=model, messages=(Message(role=Role.USER, content="Hi"),), timeout_seconds=seconds)


def busy(status: int, headers: dict[str, str] | None = None) -> Answer:
    """Return a refusal in the format of every provider."""
    return Answer(
        status, json.dumps({"error": {"message": "too busy", "code": status, "status": "BUSY"}}), headers or {}
    )


def hello(model: str, *, is_streamed: bool) -> Answer:
    events: list[dict[str, Any]]
    if model.startswith("vllm") and not is_streamed:
        return Answer(body=json.dumps({"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]}))
    if model.startswith("vllm"):
        events = [{"choices": [{"delta": {"content": "Hello"}, "finish_reason": "stop"}]}]
    elif model.startswith("gemini"):
        parts = {"role": "model", "parts": [{"text": "Hello"}]}
        events = [{"candidates": [{"content": parts, "finishReason": "STOP"}]}]
    else:
        message: dict[str, Any] = {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [],
            "stop_reason": None,
        }
        usage = {"input_tokens": 1, "output_tokens": 0}
        events = [
            {"type": "message_start", "message": {**message, "stop_sequence": None, "usage": usage}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
            {"type": "message_stop"},
        ]
    names = (f"event: {event['type']}\n" if "type" in event else "" for event in events)
    frames = (f"{name}data: {json.dumps(event)}\n\n" for name, event in zip(names, events, strict=True))
    return Answer(body="".join(frames), headers=SSE)


@every_provider
@streamed_or_not
@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_model_is_retried(
    stub: HttpStub, models: Models, model: str, listener: RecordingListener | None, status: int
) -> None:
    stub.answer(busy(status, AT_ONCE), busy(status, AT_ONCE), hello(model, is_streamed=listener is not None))
    assert (await models.turn(asks(model), listener)).content == "Hello"
    assert len(stub.requests) == 3


@every_provider
async def test_a_refusal_is_freed_without_a_garbage_collection(stub: HttpStub, models: Models, model: str) -> None:
    stub.answer(busy(429, AT_ONCE), hello(model, is_streamed=False))
    with without_collections() as remains:
        await models.turn(asks(model))
        assert remains.of(ModelRequest) == []


@every_provider
async def test_a_permanently_busy_model_fails_with_its_own_text(stub: HttpStub, models: Models, model: str) -> None:
    stub.answer(busy(429, AT_ONCE))
    with pytest.raises(ModelFailure) as failure:
        await models.turn(asks(model))
    assert (failure.value.message, failure.value.status) == ("too busy", 429)
    assert len(stub.requests) == MAX_TRIES


@every_provider
@pytest.mark.parametrize("status", [400, 401, 404, 422])
async def test_a_permanent_refusal_is_not_retried(stub: HttpStub, models: Models, model: str, status: int) -> None:
    stub.answer(busy(status, AT_ONCE))
    with pytest.raises(ModelFailure, match="too busy"):
        await models.turn(asks(model))
    assert len(stub.requests) == 1


@every_provider
async def test_no_retry_waits_beyond_the_limit(stub: HttpStub, models: Models, model: str) -> None:
    stub.answer(busy(429, {"retry-after": "600"}))
    with pytest.raises(ModelFailure, match="too busy"):
        async with asyncio.timeout(PATIENCE_SECONDS):
            await models.turn(asks(model, seconds=2 * PATIENCE_SECONDS))
    assert len(stub.requests) == 1


@pytest.mark.parametrize("nonsense", ["soon", "nan", "inf", "-3", "Wed, 21 Oct 2026 07:28:00 GMT", ""])
async def test_a_retry_after_that_cannot_be_read_leaves_it_to_us(
    stub: HttpStub, models: Models, nonsense: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "FIRST_DELAY_SECONDS", 0.01)
    stub.answer(busy(503, {"retry-after": nonsense}), hello("vllm/x", is_streamed=False))
    assert (await models.turn(asks("vllm/x"))).content == "Hello"


@every_provider
@streamed_or_not
async def test_a_silent_model_times_out_at_the_limit_and_is_not_retried(
    stub: HttpStub, models: Models, model: str, listener: RecordingListener | None
) -> None:
    stub.answer(Answer(hangs=True, headers={"content-length": "9"}))
    with pytest.raises(ModelFailure, match=TIMED_OUT):
        await models.turn(asks(model, seconds=2), listener)
    assert len(stub.requests) == 1


async def test_an_answer_that_never_ends_times_out(stub: HttpStub, models: Models) -> None:
    stub.answer(Answer(drips=True))
    with pytest.raises(ModelFailure, match=TIMED_OUT):
        await models.turn(asks("vllm/x", seconds=0.3))


async def test_an_answer_that_was_streamed_is_not_retried(stub: HttpStub, models: Models) -> None:
    hello_so_far = {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hel"}]}}]}
    broken = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in (hello_so_far, broken))
    stub.answer(Answer(body=body, headers=SSE))
    is_streamed = RecordingListener()
    with pytest.raises(ModelFailure):
        await models.turn(asks("gemini-x"), is_streamed)
    assert is_streamed.chunks == ["Hel"]
    assert len(stub.requests) == 1


async def test_an_interrupted_answer_is_not_retried(stub: HttpStub, models: Models) -> None:
    stub.answer(replace(hello("vllm/x", is_streamed=False), headers={"content-length": "9999"}))
    with pytest.raises(ModelFailure, match=CONNECTION_CLOSED):
        await models.turn(asks("vllm/x"))
    assert len(stub.requests) == 1


@every_provider
async def test_an_unreachable_server_is_retried_and_then_reported(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_DELAY_SECONDS", 0.01)
    models = Models(all_served_at("http://127.0.0.1:1"))
    with pytest.raises(ModelFailure, match="Could not reach"):
        await models.turn(asks(model))
    await models.stop()
