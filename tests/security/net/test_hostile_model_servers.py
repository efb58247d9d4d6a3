"""The answer of a model server is bounded, whatever the server sends and for every client."""

import asyncio
import json
import tracemalloc
import zlib
from typing import Any

import pytest
from tests.support.eventually import PATIENCE_SECONDS
from tests.support.listener import RecordingListener
from tests.support.model_providers import all_served_at
from tests.support.raw_http import Received, Speak, answer, raw_server, saying

from executor_service.providers import Listener, Message, ModelFailure, ModelRequest, Models, Role
from executor_service.providers.http import COMPRESSED, EVENT_BYTES
from shared.workflow.format.sizes import MAX_VALUES

MEBIBYTE = 1024 * 1024
LARGER = "larger than 1,048,576 bytes"
LARGER_STREAM = "larger than 4,194,304 bytes"
SSE = ("Content-Type: text/event-stream", "Connection: close")
JSON = ("Content-Type: application/json", "Connection: close")
SECONDS = 2.0
"""Time limit of a call. It ends hints, of which a server may send any number before its answer."""
FLOOD = 64
"""Maximum number of mebibytes that the server sends."""


def flood(start: bytes, part: bytes) -> Speak:
    """Send `part` repeatedly, until the client closes the connection or it is far more than any limit."""

    async def speak(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        for _ in range(FLOOD * MEBIBYTE // len(part)):
            writer.write(part)
            await writer.drain()

    return speak


def stream(part: str, begin: str = "") -> Speak:
    repeated = part * (64 * 1024 // len(part) + 1)
    return flood(answer(headers=SSE, has_length=False) + begin.encode(), repeated.encode())


def event(content: dict[str, Any]) -> str:
    name = f"event: {content['type']}\n" if "type" in content else ""  # Anthropic's client ignores events without
    return f"{name}data: {json.dumps(content)}\n\n"


NOTHING = event({"modelVersion": "x" * 1024})


def delta(**content: Any) -> str:
    return event({"choices": [{"delta": content}]})


def claude(index: int, **content: Any) -> str:
    return event({"type": "content_block_delta", "index": index, "delta": content})


def claude_start(**block: Any) -> str:
    usage = {"input_tokens": 1, "output_tokens": 0}
    return event({"type": "message_start", "message": {"usage": usage}}) + event(
        {"type": "content_block_start", "index": 0, "content_block": block}
    )


def gemini(**part: Any) -> str:
    return event({"candidates": [{"content": {"role": "model", "parts": [part]}}]})


async def failure_of(
    speak: Speak, model: str, listener: Listener | None = None, *, answer_bytes: int = MEBIBYTE
) -> ModelFailure:
    """Return the failure of the turn. The connection is closed then, not read on."""
    async with raw_server(speak) as server:
        models = Models(all_served_at(server.url).model_copy(update={"model_answer_bytes": answer_bytes}))
        try:
            with pytest.raises(ModelFailure) as failure:
                request = ModelRequest(model=model, messages=(Message(role=Role.USER, content="Hi"),))
                await models.turn(request, listener)
            await asyncio.wait_for(server.hung_up.wait(), PATIENCE_SECONDS)
        finally:
            await models.stop()
    assert len(server.requests) == 1, "an answer that is too large is not requested again"
    return failure.value


@pytest.mark.parametrize(
    ("model", "part", "begin"),
    [
        ("vllm/x", delta(content="x" * 1000), ""),
        ("vllm/x", delta(content="x"), ""),
        ("vllm/x", delta(reasoning_content="x" * 1000), ""),
        ("vllm/x", delta(tool_calls=[{"index": 0, "function": {"arguments": "x" * 1000}}]), ""),
        ("vllm/x", delta(tool_calls=[{"index": n} for n in range(5000)]), ""),
        ("claude-x", claude(0, type="text_delta", text="x" * 1000), claude_start(type="text", text="")),
        ("claude-x", claude(0, type="thinking_delta", thinking="x" * 1000), claude_start(type="thinking")),
        ("claude-x", claude(0, type="signature_delta", signature="x" * 1000), claude_start(type="thinking")),
        ("claude-x", claude(0, type="input_json_delta", partial_json="[" * 1000), claude_start(type="tool_use")),
        ("gemini-x", gemini(text="x" * 1000), ""),
        ("gemini-x", gemini(text="x" * 1000, thought=True), ""),
        ("gemini-x", gemini(functionCall={"name": "f", "args": {"a": "x" * 1000}}), ""),
    ],
)
async def test_the_stored_part_of_a_streamed_answer_is_bounded(model: str, part: str, begin: str) -> None:
    failure = await failure_of(stream(part, begin), model, RecordingListener())
    assert failure.message == f"{model}: The answer is {LARGER}"


@pytest.mark.parametrize("model", ["vllm/x", "claude-x", "gemini-x"])
async def test_a_stream_has_a_limit_that_stores_nothing(model: str) -> None:
    failure = await failure_of(stream(NOTHING), model, RecordingListener())
    assert failure.message == f"{model}: The answer is {LARGER_STREAM}"


@pytest.mark.parametrize("listener", [None, RecordingListener()], ids=["whole", "although a stream was requested"])
async def test_a_whole_answer_has_a_limit(listener: Listener | None) -> None:
    begin = b'{"choices":[{"message":{"content":"'
    speak = flood(answer(headers=JSON, has_length=False) + begin, b"x" * 64 * 1024)
    failure = await failure_of(speak, "vllm/x", listener)
    assert failure.message == f"vllm/x: The answer is {LARGER}"


@pytest.mark.parametrize("model", ["vllm/x", "claude-x", "gemini-x"])
@pytest.mark.parametrize("part", [b"x" * 64 * 1024, b"x\r\ndata: y\ndata: " * 4_000], ids=["line", "event"])
async def test_an_event_has_a_limit(model: str, part: bytes) -> None:
    if part.count(b"\n") and model != "gemini-x":
        return  # the readers of the others take each line for an event
    speak = flood(answer(headers=SSE, has_length=False) + b"data: ", part)
    failure = await failure_of(speak, model, RecordingListener(), answer_bytes=32 * MEBIBYTE)
    assert failure.message == f"{model}: The answer has an event larger than {EVENT_BYTES:,} bytes"


async def test_a_whole_answer_has_a_limit_on_json_values() -> None:
    body = b'{"choices":[],"other":[' + b"[]," * MAX_VALUES + b"[]]}"
    failure = await failure_of(saying(answer(body=body, headers=JSON)), "vllm/x", answer_bytes=32 * MEBIBYTE)
    assert failure.message == f"vllm/x: The answer has more than {MAX_VALUES:,} JSON values in one document"


@pytest.mark.parametrize("model", ["vllm/x", "claude-x", "gemini-x"])
async def test_an_event_has_a_limit_on_json_values(model: str) -> None:
    body = b'data: {"type":"ping","candidates":[],"other":[' + b"[]," * MAX_VALUES + b"[]]}\n\n"
    speak = saying(answer(body=body, headers=SSE))
    failure = await failure_of(speak, model, RecordingListener(), answer_bytes=32 * MEBIBYTE)
    assert failure.message.startswith(f"{model}: The answer has more than ")
    assert failure.message.endswith("JSON values in one document")


@pytest.mark.parametrize("model", ["vllm/x", "claude-x", "gemini-x"])
@pytest.mark.parametrize("status", ["400 Bad Request", "301 Moved\r\nLocation: /"])
async def test_a_refusal_is_read_to_its_limit(model: str, status: str) -> None:
    speak = flood(answer(status, headers=JSON, has_length=False), b"no " * 20_000)
    if status.startswith("301"):
        redirect = speak

        async def speak(request: Received, writer: asyncio.StreamWriter) -> None:
            if request.target == "/":
                writer.write(answer("400 Bad Request", b"no", JSON))
            else:
                await redirect(request, writer)

    tracemalloc.start()
    async with raw_server(speak) as server:
        models = Models(all_served_at(server.url))
        with pytest.raises(ModelFailure, match=r"no|400"):
            await models.turn(ModelRequest(model=model, messages=(Message(role=Role.USER, content="Hi"),)))
        await models.stop()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < FLOOD * MEBIBYTE / 2


@pytest.mark.parametrize("model", ["vllm/x", "claude-x", "gemini-x"])
@pytest.mark.parametrize("headers", [SSE, JSON], ids=["stream", "whole answer"])
async def test_a_compressed_answer_is_refused(model: str, headers: tuple[str, ...]) -> None:
    compressor = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    body = b"".join([*(compressor.compress(NOTHING.encode() * 1024) for _ in range(FLOOD)), compressor.flush()])
    tracemalloc.start()
    speak = saying(answer(body=body, headers=("Content-Encoding: gzip", *headers)))
    failure = await failure_of(speak, model)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert failure.message == COMPRESSED
    assert peak < FLOOD * MEBIBYTE / 2


@pytest.mark.parametrize("model", ["vllm/x", "claude-x", "gemini-x"])
@pytest.mark.parametrize(
    ("start", "part"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000),
        (b"HTTP/1.1 200 OK\r\nX: ", b"y" * 60_000),
        (b"", b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" * 100),
        (answer(headers=("Transfer-Encoding: chunked",), has_length=False) + b"0\r\n", b"X: y\r\n" * 1000),
        (answer(headers=("Transfer-Encoding: chunked",), has_length=False) + b"0\r\nX: ", b"y" * 60_000),
    ],
    ids=["headers", "header", "hints", "trailers", "trailer"],
)
async def test_headers_and_trailers_have_a_limit(model: str, start: bytes, part: bytes) -> None:
    sent = 0

    async def speak(request: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(start)
        for _ in range(FLOOD * MEBIBYTE // len(part)):
            writer.write(part)
            await writer.drain()
            sent += len(part)

    async with raw_server(speak) as server:
        models = Models(all_served_at(server.url))
        with pytest.raises(ModelFailure):
            message = Message(role=Role.USER, content="Hi")
            await models.turn(ModelRequest(model=model, messages=(message,), timeout_seconds=SECONDS))
        await models.stop()
        await asyncio.wait_for(server.hung_up.wait(), PATIENCE_SECONDS)
    assert sent < FLOOD * MEBIBYTE / 2


async def test_an_answer_within_the_limits_is_read_whole() -> None:
    text = "a, [b] {c}" * 50_000
    body = json.dumps({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}).encode()
    async with raw_server(saying(answer(body=body, headers=JSON))) as server:
        models = Models(all_served_at(server.url))
        turn = await models.turn(ModelRequest(model="vllm/x", messages=(Message(role=Role.USER, content="Hi"),)))
        await models.stop()
    assert turn.content == text
