"""Anthropic's Messages API, through the official client."""

import json
from collections.abc import Mapping
from typing import Any, Final

import httpx2
from anthropic import AnthropicError, APIConnectionError, APIStatusError, APITimeoutError, AsyncAnthropic
from anthropic.types import Message as Answer

from executor_service.providers.clients import Clients
from executor_service.providers.model import (
    BROKEN_OFF,
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
    cannot_take,
)
from executor_service.providers.openai_compatible import key_of
from executor_service.providers.patience import refusal
from executor_service.providers.settings import ProviderSettings
from shared.workflow.format.js_values import JsonObject

DEFAULT_MAX_TOKENS: Final = 8192
PROVIDER: Final = "anthropic"
_THINKING_TOKENS: Final[Mapping[str, int]] = {"low": 2048, "medium": 8192, "high": 24_576, "max": 32_768}
_IMAGES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_CUT: Final = "max_tokens"
_FINISHES: Final[Mapping[str, str]] = {"end_turn": "stop", "tool_use": "tool_calls", _CUT: "length"}


class AnthropicProvider:
    """Every call is a stream, heard or not: the API asks for that where answers may be long."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._key = settings.anthropic_api_key.get_secret_value()
        self._base_url = settings.anthropic_base_url or None
        self._connect_seconds = settings.model_connect_seconds
        self._clients = Clients(self._connected, AsyncAnthropic.close)

    async def turn(self, request: ModelRequest, listener: Listener | None) -> Turn:
        """Ask for one turn. Raises ModelFailure."""
        key = key_of(request, PROVIDER, self._key)
        timeout = httpx2.Timeout(request.timeout_seconds, connect=self._connect_seconds)
        try:
            async with (
                self._clients.of(key) as client,
                client.messages.stream(**_body(request), timeout=timeout) as stream,
            ):
                has_ended = False
                async for event in stream:
                    has_ended = event.type == "message_stop"
                    if listener is not None and event.type == "text":
                        await listener.text(event.text)
                    elif listener is not None and event.type == "thinking":
                        await listener.thinking(event.thinking)
                if not has_ended:
                    raise ModelFailure(BROKEN_OFF)
                return _turn(await stream.get_final_message())
        except (AnthropicError, httpx2.HTTPError) as error:
            raise _failure(error) from error
        except (ValueError, AssertionError) as error:  # the client's, of events that are no JSON or in no order
            raise ModelFailure(f"{PROVIDER} sent an answer that cannot be read") from error

    async def stop(self) -> None:
        """Close every client."""
        await self._clients.stop()

    def _connected(self, key: str) -> AsyncAnthropic:
        return AsyncAnthropic(api_key=key, base_url=self._base_url, max_retries=0)


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
        # The client knows no temperature any more; the API still takes one from models that have it.
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
    """Whether tools are called. A conversation that called any is refused where it does not say which there are."""
    if not request.may_call_tools:
        return {"type": "none"}
    forced = None if thinks else request.forced_tool
    return {"type": "tool", "name": forced} if forced else {"type": "auto"}


def _messages(request: ModelRequest) -> list[Any]:
    """The conversation; answers of tools that follow each other are one message."""
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
        raise cannot_take(file, PROVIDER)
    return {"type": "text", "text": file.text}


def _turn(answer: Answer) -> Turn:
    blocks = answer.content
    usage = answer.usage
    cached = usage.cache_read_input_tokens or 0
    return Turn(
        content="".join(block.text for block in blocks if block.type == "text"),
        thinking="".join(block.thinking for block in blocks if block.type == "thinking"),
        tool_calls=_tool_calls(answer),
        finish_reason=_FINISHES.get(answer.stop_reason or "", answer.stop_reason or "stop"),
        tokens=Tokens.told(usage.input_tokens + cached, usage.output_tokens, cached),
        original=[block.model_dump(exclude_none=True) for block in blocks],
    )


def _tool_calls(answer: Answer) -> tuple[ToolCall, ...]:
    """The calls. The client closes what was cut off by the limit, as if it were whole: nobody may run that."""
    cut = answer.content[-1] if answer.content and answer.stop_reason == _CUT else None
    return tuple(
        ToolCall(block.id, block.name, "" if block is cut else json.dumps(block.input))
        for block in answer.content
        if block.type == "tool_use"
    )


def _failure(error: Exception) -> ModelFailure:
    if isinstance(error, APIStatusError):
        return refusal(_told(error), error.status_code, error.response.headers)
    if isinstance(error, APITimeoutError | httpx2.TimeoutException):
        return ModelFailure(TIMED_OUT)
    if isinstance(error, APIConnectionError):
        return ModelFailure(f"Could not reach {PROVIDER}: {error.__cause__ or error}", may_pass=True)
    return ModelFailure(BROKEN_OFF if isinstance(error, httpx2.HTTPError) else str(error))


def _told(error: APIStatusError) -> str:
    body = error.body
    inner = body.get("error") if isinstance(body, dict) else None
    message = inner.get("message") if isinstance(inner, dict) else None
    return message if isinstance(message, str) and message else error.message
