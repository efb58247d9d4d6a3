"""Long answers in small chunks: the cost of a chunk does not grow with the length before it."""

import json
import time
from typing import Any

from tests.support.http_stub import Answer, HttpStub
from tests.support.listener import RecordingListener

from executor_service.providers import Message, ModelRequest, Models, Role, Turn

KIB = 1024
WORK_SECONDS = 3.0
"""A multiple of the expected duration; a growing cost would take several times this."""


def event(**delta: Any) -> bytes:
    return b"data: " + json.dumps({"choices": [{"delta": delta}]}).encode() + b"\n\n"


def chunk_of_a_call(arguments: str) -> bytes:
    return event(tool_calls=[{"index": 0, "function": {"arguments": arguments}}])


async def read(stub: HttpStub, models: Models, answer: bytes) -> Turn:
    """Read the answer, and check that it takes little processor time."""
    stub.answer(Answer(body=f"{answer.decode()}data: [DONE]\n\n", headers={"content-type": "text/event-stream"}))
    began = time.process_time()
    request = ModelRequest(model="vllm/x", messages=(Message(role=Role.USER, content="Hi"),))
    turn = await models.turn(request, RecordingListener())
    assert time.process_time() - began < WORK_SECONDS
    return turn


async def test_an_endless_word_arrives_in_one_event(stub: HttpStub, models: Models) -> None:
    turn = await read(stub, models, event(content="x" * (4 * KIB * KIB)))
    assert turn.content == "x" * (4 * KIB * KIB)


async def test_a_call_comes_in_twenty_thousand_chunks(stub: HttpStub, models: Models) -> None:
    begun = event(tool_calls=[{"index": 0, "id": "c1", "function": {"name": "f", "arguments": '{"a": "'}}])
    every = chunk_of_a_call("four" * 25)
    turn = await read(stub, models, begun + every * 20_000 + chunk_of_a_call('"}'))
    (call,) = turn.tool_calls
    assert (call.name, json.loads(call.arguments)) == ("f", {"a": "four" * 500_000})
