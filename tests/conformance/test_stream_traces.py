"""Every stream trace through the real gateway: the same frames, in the same order, to the byte."""

import json
from typing import Any

import pytest
from tests.conformance.traces import TRACES, collected
from tests.support.model_server import ModelServer
from tests.support.public_api import PublicApi


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("trace_id", TRACES)
async def test_a_stream_is_the_frames_of_its_trace(trace_id: str, models: ModelServer, api: PublicApi) -> None:
    trace = TRACES[trace_id]
    for model, replies in trace.models.items():
        models.answer(model, *replies)
    known = {model: len(models.calls_of(model)) for model in trace.models}
    workflow_id = await api.publish(trace.workflow)
    answer = await api.run(workflow_id, {**trace.body, "stream": True}, headers=trace.headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")
    seen = collected(frames_in(answer.text))
    assert trace.matches(seen), json.dumps(seen, indent=1, ensure_ascii=False)
    if trace.streamed_calls is not None:
        asked = [call.streams for model in trace.models for call in models.calls_of(model)[known[model] :]]
        assert asked == trace.streamed_calls


def frames_in(text: str) -> list[Any]:
    """Return the JSON of every frame; each is `data: `, compact JSON in UTF-8 and an empty line, and nothing else is
    sent."""
    frames = [json.loads(line.removeprefix("data: ")) for line in text.split("\n\n")[:-1]]
    written = [json.dumps(frame, ensure_ascii=False, separators=(",", ":")) for frame in frames]
    assert text == "".join(f"data: {frame}\n\n" for frame in written)
    return frames
