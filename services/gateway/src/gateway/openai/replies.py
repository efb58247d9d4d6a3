"""Run output as one text, and as chunks of a stream."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from gateway.openai.errors import fault, outcome_text
from gateway.openai.models import TokenUsage
from gateway.runs.answers import answer_in_output
from gateway.streams.sse_frames import one_line_frame
from shared.contracts.events import Chunk, RunEvent
from shared.contracts.runs import RunOutcome, RunStatus

DONE: Final = b"data: [DONE]\n\n"
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode


def reply_text(output: bytes) -> str:
    """Return the run's answer; JSON if it is not text."""
    value = answer_in_output(output)
    return value if isinstance(value, str) else _encode(value).decode()


def token_usage(output: bytes) -> TokenUsage:
    """Return the token usage of the last agent."""
    value = _decode(output)
    tokens = value.get("tokens") if isinstance(value, dict) else None
    counts: Mapping[str, Any] = tokens if isinstance(tokens, dict) else {}
    sent, received, total = (_count(counts, name) for name in ("input", "output", "total"))
    return TokenUsage(prompt_tokens=sent, completion_tokens=received, total_tokens=total)


def _count(counts: Mapping[str, Any], name: str) -> int:
    value = counts.get(name)
    return int(value) if isinstance(value, int | float) else 0


class CompletionWriter:
    """Formatter of one stream's chunks. Implements Writer."""

    def __init__(self, completion_id: str, model: str, created: int, *, include_usage: bool) -> None:
        self._head = {"id": completion_id, "object": "chat.completion.chunk", "created": created, "model": model}
        self._include_usage = include_usage
        self._has_text = False

    @property
    def has_text(self) -> bool:
        return self._has_text

    def write(self, events: Iterable[RunEvent]) -> bytes:
        return b"".join(self._text(event.text) for event in events if isinstance(event, Chunk) and event.text)

    def final(self, outcome: RunOutcome, output: bytes) -> bytes:
        """See Writer. Output that was not streamed becomes one chunk."""
        if outcome.status is RunStatus.FAILED or outcome.status is RunStatus.CANCELLED:
            return self.broken(outcome_text(outcome))
        text = b"" if self._has_text else self._text(reply_text(output))
        return text + self._chunk({}, finish_reason="stop") + self._usage(output) + DONE

    def broken(self, message: str) -> bytes:
        return one_line_frame(fault(message, "server_error", None))

    def _text(self, text: str) -> bytes:
        role = {} if self._has_text else {"role": "assistant"}
        self._has_text = True
        return self._chunk({**role, "content": text})

    def _chunk(self, delta: dict[str, str], *, finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
        return one_line_frame({**self._head, "choices": [choice]})

    def _usage(self, output: bytes) -> bytes:
        if not self._include_usage:
            return b""
        return one_line_frame({**self._head, "choices": [], "usage": token_usage(output).model_dump()})
