"""Long answers in small chunks: the cost of a chunk does not grow with the length before it."""

import json
import time
from collections.abc import AsyncIterator, Iterable
from typing import Any

from tests.support.listener import RecordingListener

from executor_service.providers import Turn
from executor_service.providers.openai_streams import streamed_turn

KIB = 1024
WORK_SECONDS = 3.0
"""A multiple of the expected duration; a growing cost would take several times this."""


def event(**delta: Any) -> bytes:
    return b"data: " + json.dumps({"choices": [{"delta": delta}]}).encode() + b"\n\n"


def chunk_of_a_call(arguments: str) -> bytes:
    return event(tool_calls=[{"index": 0, "function": {"arguments": arguments}}])


async def read(chunks: Iterable[bytes]) -> Turn:
    """Read the answer, and check that it takes little processor time."""

    async def stream() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk
        yield b"data: [DONE]\n\n"

    began = time.process_time()
    turn = await streamed_turn(stream(), RecordingListener())
    assert time.process_time() - began < WORK_SECONDS
    return turn


async def test_an_endless_word_arrives_one_kibibyte_at_a_time() -> None:
    answer = event(content="x" * (4 * KIB * KIB))
    turn = await read(answer[start : start + KIB] for start in range(0, len(answer), KIB))
    assert turn.content == "x" * (4 * KIB * KIB)


async def test_a_call_comes_in_fifty_thousand_chunks() -> None:
    begun = event(tool_calls=[{"index": 0, "id": "c1", "function": {"name": "f", "arguments": '{"a": "'}}])
    every = chunk_of_a_call("four" * 25) * 1000
    turn = await read([begun, *([every] * 50), chunk_of_a_call('"}')])
    (call,) = turn.tool_calls
    assert (call.name, json.loads(call.arguments)) == ("f", {"a": "four" * 1_250_000})
