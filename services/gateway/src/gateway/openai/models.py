"""Bodies of chat completions, as far as workflows use them."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.models import AccessDenied, RateLimited, WrongWorkspace
from gateway.runs.views import answer_in_output
from gateway.streams.sse_frames import one_line_frame
from gateway.web.errors import counting_refusals, failure_status, message_of, retry_headers, status_of
from shared.contracts.events import Chunk, RunEvent
from shared.contracts.runs import RunOutcome, RunStatus
from shared.errors import FlowportError, Forbidden, InvalidRequest, NotDeployed, NotFound, Unauthenticated
from shared.web.struct_bodies import StructResponse


class _Open(BaseModel):
    """Unused keys are ignored."""

    model_config = ConfigDict(extra="ignore")


class ContentPart(_Open):
    """Part of a message: text, or the model's refusal."""

    type: str
    text: str = ""


class Message(_Open):
    """Message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[ContentPart] | None = None

    @property
    def text(self) -> str:
        """Return the message's text."""
        parts = self.content or ""
        return parts if isinstance(parts, str) else "".join(part.text for part in parts)


class StreamOptions(_Open):
    """Options of a stream's end."""

    include_usage: bool | None = None


class CompletionBody(_Open):
    """Conversation, and the workflow that continues it."""

    model: str = Field(min_length=1, max_length=200, description="Id of the workflow.")
    messages: list[Message] = Field(min_length=1, max_length=1_000)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: str | None = Field(None, max_length=200, description="The workflow's conversationId.")

    @property
    def wants_usage(self) -> bool:
        """Return whether a stream ends with its usage."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    def workflow_input(self) -> dict[str, Any]:
        """Return the last user message as `input`, and all messages as `messages`."""
        said = [message.text for message in self.messages if message.role == "user"]
        turns = [{"role": message.role, "content": message.text} for message in self.messages]
        identity = {} if self.user is None else {"conversationId": self.user}
        return {"input": said[-1] if said else self.messages[-1].text, "messages": turns, **identity}


class ReplyMessage(BaseModel):
    role: Literal["assistant"] = "assistant"
    content: str


class Choice(BaseModel):
    index: int = 0
    message: ReplyMessage
    finish_reason: Literal["stop"] = "stop"
    logprobs: None = None


class TokenUsage(BaseModel):
    """Tokens of the agent that answered; 0 without a model call."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class Completion(BaseModel):
    """Answer of the workflow."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: TokenUsage


class Model(BaseModel):
    """Callable workflow."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[Model]


class Fault(BaseModel):
    message: str
    type: str
    param: str | None = Field(None, description="The invalid field of the request.")
    code: str | None


class ErrorAnswer(BaseModel):
    """Error of a failed call."""

    error: Fault


_KINDS: Final[tuple[tuple[type[FlowportError], int | None, str, str | None], ...]] = (
    (WrongWorkspace, 404, "invalid_request_error", "model_not_found"),
    (AccessDenied, 404, "invalid_request_error", "model_not_found"),
    (NotDeployed, 404, "invalid_request_error", "model_not_found"),
    (NotFound, 404, "invalid_request_error", "model_not_found"),
    (Unauthenticated, 401, "invalid_request_error", "invalid_api_key"),
    (Forbidden, 403, "invalid_request_error", "permission_denied"),
    (InvalidRequest, 400, "invalid_request_error", None),
    (RateLimited, 429, "requests", "rate_limit_exceeded"),
    (FlowportError, None, "server_error", None),
)


_ONCE: Final = {"x-should-retry": "false"}
"""Clients would retry automatically, including lost runs, and repeat their effects."""


def present_error(request: Request, error: FlowportError) -> Response:
    """Present a refused call."""
    status, kind, code = next((status, kind, code) for cls, status, kind, code in _KINDS if isinstance(error, cls))
    status = status or status_of(error)
    is_absent = isinstance(error, WrongWorkspace | AccessDenied)
    message = "Workflow not found" if is_absent else message_of(error)
    body = fault(message, kind, code, _param(error))
    return StructResponse(body, status_code=status, headers=retry_headers(error, status) or _ONCE)


present_execute_error: Final = counting_refusals(present_error)
"""Presents a call that was refused or lost."""


def failed_run(outcome: RunOutcome, headers: Mapping[str, str]) -> Response:
    """Return the error of a failed run; `headers` name the run."""
    status = failure_status(outcome.error)
    kind = "invalid_request_error" if status == 400 else "server_error"
    body = fault(outcome_text(outcome), kind, outcome.error.code if outcome.error else None)
    return StructResponse(body, status_code=status, headers={**headers, **_ONCE})


def outcome_text(outcome: RunOutcome) -> str:
    """Return why a run failed."""
    return outcome.error.text if outcome.error else f"The run was {outcome.status}"


def fault(message: str, kind: str, code: str | None, param: str | None = None) -> dict[str, object]:
    """Return an error body; `param` is the invalid field of the request."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _param(error: FlowportError) -> str | None:
    match error:
        case InvalidRequest(details=[{"path": [field, *_]}, *_]):
            return str(field)
    return None


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
