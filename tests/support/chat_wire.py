"""The chat-completions answers of an OpenAI-compatible server, as JSON objects and stream frames."""

import secrets
import time
from collections.abc import Sequence
from typing import Any, Final

import msgspec

JsonObject = dict[str, Any]

DONE: Final = b"data: [DONE]\n\n"
_encoder = msgspec.json.Encoder()


def frame(value: JsonObject) -> bytes:
    """Return one server-sent event."""
    return b"data: " + _encoder.encode(value) + b"\n\n"


def usage(prompt_tokens: int, completion_tokens: int) -> JsonObject:
    """Return the usage of a call."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


class Completion:
    """The answer to one call: whole, or chunk by chunk under one id."""

    def __init__(self, model: str) -> None:
        self._common: JsonObject = {
            "id": f"chatcmpl-{secrets.token_hex(8)}",
            "created": int(time.time()),
            "model": model,
        }

    def whole(
        self, content: str | None, *, used: JsonObject, finish: str = "stop", tool_calls: Sequence[JsonObject] = ()
    ) -> JsonObject:
        """Return the body for a call without streaming."""
        message: JsonObject = {"role": "assistant", "content": content}
        if tool_calls:
            message["tool_calls"] = list(tool_calls)
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return {**self._common, "object": "chat.completion", "choices": [choice], "usage": used}

    def chunk(self, delta: JsonObject, *, finish: str | None = None) -> bytes:
        """Return a stream frame that adds `delta` to the message."""
        return self._chunk([{"index": 0, "delta": delta, "finish_reason": finish}])

    def usage_chunk(self, used: JsonObject) -> bytes:
        """Return the last stream frame, for callers that request usage."""
        return self._chunk([], usage=used)

    def _chunk(self, choices: list[JsonObject], **more: Any) -> bytes:
        return frame({**self._common, "object": "chat.completion.chunk", "choices": choices, **more})


def refusal(message: str, *, kind: str = "invalid_request_error") -> JsonObject:
    """Return an error body."""
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def last_user_text(messages: Sequence[JsonObject]) -> str:
    """Return the text of the last user message."""
    said = (message.get("content") for message in reversed(messages) if message.get("role") == "user")
    content = next(said, "")
    return content if isinstance(content, str) else _encoder.encode(content).decode()


def words(text: str) -> list[str]:
    """Split `text` after each space, like a model's tokens; joined again they are `text`."""
    pieces = text.split(" ")
    return [piece + " " for piece in pieces[:-1]] + pieces[-1:]
