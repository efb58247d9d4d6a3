"""A second call to a provider reuses the connection of the first: a new one costs round trips and a handshake."""

import json
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send
from tests.support.listener import RecordingListener
from tests.support.loopback import LoopbackServer

from executor_service.providers import Message, ModelRequest, Models, ProviderSettings, Role

CLAUDE: list[dict[str, Any]] = [
    {
        "type": "message_start",
        "message": {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "model": "claude",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 0},
        },
    },
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
    {"type": "message_stop"},
]
GEMINI = {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hello"}]}, "finishReason": "STOP"}]}
OPENAI = {"choices": [{"delta": {"content": "Hello"}, "finish_reason": "stop"}]}
ANSWERS = {
    "vllm/x": [f"data: {json.dumps(OPENAI)}\n\n", "data: [DONE]\n\n"],
    "claude-x": [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in CLAUDE],
    "gemini-x": [f"data: {json.dumps(GEMINI)}\n\n"],
}


class Provider:
    """Streams an answer chunk by chunk, the end of the body as a separate chunk; records the callers."""

    def __init__(self, chunks: list[str]) -> None:
        self._chunks = chunks
        self.callers: list[int] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.callers.append(scope["client"][1])
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        for chunk in self._chunks:
            await send({"type": "http.response.body", "body": chunk.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


@pytest.mark.parametrize("model", ANSWERS)
async def test_a_stream_that_was_read_leaves_its_connection_to_the_next(model: str) -> None:
    provider = Provider(ANSWERS[model])
    with LoopbackServer(provider, name="provider") as server:
        url = server.origin
        models = Models(
            ProviderSettings(
                vllm_base_url=url,
                anthropic_base_url=url,
                anthropic_api_key="key",
                gemini_base_url=url,
                gemini_api_key="key",
            )
        )
        for _ in range(3):
            request = ModelRequest(model=model, messages=(Message(role=Role.USER, content="Hi"),))
            await models.turn(request, RecordingListener())
        await models.stop()
    assert len(provider.callers) == 3
    assert len(set(provider.callers)) == 1
