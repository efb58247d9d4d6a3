"""Anthropic's Messages API, through the official client."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2
from anthropic import AnthropicError, APIConnectionError, APIStatusError, APITimeoutError, AsyncAnthropic
from anthropic.types import RawMessageStreamEvent

from executor_service.providers.http import CALL_BYTES, StoredSize, model_client
from executor_service.providers.model import (
    CONNECTION_CLOSED,
    TIMED_OUT,
    Attachment,
    Listener,
    Message,
    ModelFailure,
    ModelRequest,
    Role,
    Tokens,
    ToolCall,
    Turn,
    key_of,
    unsupported_file,
)
from executor_service.providers.retries import status_failure
from executor_service.providers.settings import ProviderSettings
from shared.workflow.format.js_values import JsonObject, parse_json, stringify

DEFAULT_MAX_TOKENS: Final = 8192
PROVIDER: Final = "anthropic"
_THINKING_TOKENS: Final[Mapping[str, int]] = {"low": 2048, "medium": 8192, "high": 24_576, "max": 32_768}
_IMAGES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_CUT: Final = "max_tokens"
_FINISHES: Final[Mapping[str, str]] = {"end_turn": "stop", "tool_use": "tool_calls", _CUT: "length"}
_ARGUMENTS: Final = "partial_json"
_CHUNKS: Final = ("text", "thinking", "signature", _ARGUMENTS)


class AnthropicProvider:
    """Streams every call, with or without a listener: the API requires it for long answers."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._settings = settings
        self._http = model_client(settings.model_answer_bytes)

    async def turn(self, request: ModelRequest, listener: Listener | None) -> Turn:
        """Request one turn. Raises ModelFailure."""
        settings = self._settings
        client = AsyncAnthropic(
            api_key=key_of(request, PROVIDER, settings.anthropic_api_key.get_secret_value()),
            base_url=settings.anthropic_base_url or None,
            max_retries=0,
            http_client=self._http,
        )
        timeout = httpx2.Timeout(request.timeout_seconds, connect=settings.model_connect_seconds)
        assembler = _TurnAssembler(settings.model_answer_bytes)
        has_begun = False
        try:
            async with await client.messages.create(**_body(request), stream=True, timeout=timeout) as events:
                has_begun = True
                async for event in events:
                    await assembler.take(event, listener)
        except (AnthropicError, httpx2.HTTPError) as error:
            if isinstance(error.__cause__, ModelFailure):
                raise error.__cause__ from None
            raise _failure(error, has_begun=has_begun) from error
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            # The library does not check what it reads, so that an invalid answer lacks attributes.
            raise ModelFailure(f"{PROVIDER} sent an invalid response") from error
        return assembler.turn()

    async def stop(self) -> None:
        """Close all connections."""
        await self._http.aclose()


@dataclass
class _Block:
    """A partial block of the answer."""

    start: JsonObject
    chunks: dict[str, list[str]] = field(default_factory=dict)

    def text(self, name: str) -> str:
        return "".join([str(self.start.get(name) or ""), *self.chunks.get(name, ())])

    def arguments(self) -> str:
        """Return the tool's JSON text from the model."""
        return self.text(_ARGUMENTS) or stringify(self.start.get("input") or {})

    def whole(self) -> JsonObject:
        """Return the block in the API's input form."""
        whole = self.start | {name: self.text(name) for name in self.chunks if name != _ARGUMENTS}
        if whole.get("type") == "tool_use":
            given = parse_json(self.arguments())
            whole["input"] = given if isinstance(given, dict) else {}
        return whole


class _TurnAssembler:
    """Builder of a turn from its events. The library's own copies the answer for each event and has no size limit."""

    def __init__(self, answer_bytes: int) -> None:
        self._stored = StoredSize(answer_bytes)
        self._blocks: dict[int, _Block] = {}
        self._usage: dict[str, int | None] = {}
        self._stop_reason: str | None = None
        self._has_started = self._has_ended = False

    async def take(self, event: RawMessageStreamEvent, listener: Listener | None) -> None:
        """Add an event and notify the listener. Raises AnswerTooLarge, and AttributeError or the like if invalid."""
        match event.type:
            case "message_start":
                self._has_started = True
                self._count(event.message.usage)
            case "content_block_start":
                start: Any = event.content_block.to_dict(mode="json", exclude_none=True)
                self._stored.add(CALL_BYTES + len(stringify(start)))
                self._blocks[event.index] = _Block(start)
            case "content_block_delta":
                for name in _CHUNKS:
                    if chunk := getattr(event.delta, name, None):
                        self._stored.add(len(chunk))
                        self._blocks[event.index].chunks.setdefault(name, []).append(chunk)
                        if listener is not None and name == "text":
                            await listener.text(chunk)
                        if listener is not None and name == "thinking":
                            await listener.thinking(chunk)
            case "message_delta":
                self._stop_reason = event.delta.stop_reason or self._stop_reason
                self._count(event.usage)
            case "message_stop":
                self._has_ended = True

    def _count(self, usage: object) -> None:
        for name in ("input_tokens", "output_tokens", "cache_read_input_tokens"):
            self._usage[name] = getattr(usage, name, None) or self._usage.get(name)

    def turn(self) -> Turn:
        """Return the whole turn. A call that the token limit truncated has no arguments, so that it cannot run."""
        if not self._has_ended:
            raise ModelFailure(CONNECTION_CLOSED)
        if not self._has_started:
            raise ModelFailure(f"{PROVIDER} sent an invalid response")
        blocks = list(self._blocks.values())
        cut = blocks[-1] if blocks and self._stop_reason == _CUT else None
        cached = self._usage.get("cache_read_input_tokens")
        return Turn(
            content="".join(block.text("text") for block in blocks),
            thinking="".join(block.text("thinking") for block in blocks),
            tool_calls=tuple(
                ToolCall(
                    str(block.start.get("id")),
                    str(block.start.get("name")),
                    "" if block is cut else block.arguments(),
                )
                for block in blocks
                if block.start.get("type") == "tool_use"
            ),
            finish_reason=_FINISHES.get(self._stop_reason or "", self._stop_reason or "stop"),
            tokens=Tokens.from_counts(
                (self._usage.get("input_tokens") or 0) + (cached or 0), self._usage.get("output_tokens"), cached
            ),
            original=[block.whole() for block in blocks],
        )


def _body(request: ModelRequest) -> Mapping[str, Any]:
    thinking = _THINKING_TOKENS.get(request.thinking_level or "")
    body: JsonObject = {
        "model": request.model,
        "max_tokens": (request.max_tokens or DEFAULT_MAX_TOKENS) + (thinking or 0),
        "messages": _messages(request),
    }
    if request.system:
        body["system"] = request.system
    if request.temperature is not None and thinking is None:
        # The client no longer has a temperature parameter; the API still accepts one for models that support it.
        body["extra_body"] = {"temperature": min(request.temperature, 1)}
    if thinking is not None:
        body["thinking"] = {"type": "enabled", "budget_tokens": thinking}
    if request.tools:
        body["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
            for tool in request.tools
        ]
        body["tool_choice"] = _tool_choice(request, thinks=thinking is not None)
    if request.response_format is not None:
        body["output_config"] = {"format": {"type": "json_schema", "schema": request.response_format.schema}}
    return body


def _tool_choice(request: ModelRequest, *, thinks: bool) -> JsonObject:
    """Return whether tools are called. The API refuses a conversation with calls whose tools are not listed."""
    if not request.may_call_tools:
        return {"type": "none"}
    forced = None if thinks else request.forced_tool
    return {"type": "tool", "name": forced} if forced else {"type": "auto"}


def _messages(request: ModelRequest) -> list[Any]:
    """Return the conversation; consecutive tool results are one message."""
    found: list[JsonObject] = []
    for message in request.messages:
        if message.role is Role.SYSTEM:
            continue
        role, content = _content(message)
        last = found[-1] if found else None
        if message.role is Role.TOOL and last is not None and last["role"] == "user":
            _blocks(last).extend(content)
        else:
            found.append({"role": role, "content": content})
    return list(found)


def _blocks(message: JsonObject) -> list[Any]:
    content = message["content"]
    return content if isinstance(content, list) else []


def _content(message: Message) -> tuple[str, list[Any]]:
    if message.role is Role.TOOL:
        return "user", [{"type": "tool_result", "tool_use_id": message.tool_call_id, "content": message.content or ""}]
    if isinstance(message.original, list):
        return "assistant", message.original
    said = [{"type": "text", "text": message.content or ""}] if message.content or not message.attachments else []
    return str(message.role), [*map(_part, message.attachments), *said]


def _part(file: Attachment) -> JsonObject:
    if file.type in _IMAGES:
        return {"type": "image", "source": {"type": "base64", "media_type": file.type, "data": file.base64}}
    if file.type == "application/pdf":
        source: JsonObject = {"type": "base64", "media_type": file.type, "data": file.base64}
        return {"type": "document", "title": file.name, "source": source}
    if file.text is None:
        raise unsupported_file(file, PROVIDER)
    return {"type": "text", "text": file.text}


def _failure(error: Exception, *, has_begun: bool) -> ModelFailure:
    if isinstance(error, APIStatusError):
        message = _error_message(error)
        return (
            ModelFailure(message) if has_begun else status_failure(message, error.status_code, error.response.headers)
        )
    if isinstance(error, APITimeoutError | httpx2.TimeoutException):
        return ModelFailure(TIMED_OUT)
    if isinstance(error, APIConnectionError) and not has_begun:
        return ModelFailure(f"Could not reach {PROVIDER}: {error.__cause__ or error}", is_transient=True)
    return ModelFailure(CONNECTION_CLOSED if isinstance(error, APIConnectionError | httpx2.HTTPError) else str(error))


def _error_message(error: APIStatusError) -> str:
    body = error.body
    inner = body.get("error") if isinstance(body, dict) else None
    message = inner.get("message") if isinstance(inner, dict) else None
    return message if isinstance(message, str) and message else error.message
