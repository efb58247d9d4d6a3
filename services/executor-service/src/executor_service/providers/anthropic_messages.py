"""Anthropic's Messages API, through the official client."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import httpx2
import msgspec
from anthropic import AnthropicError, APIConnectionError, APIStatusError, APITimeoutError, AsyncAnthropic

from executor_service.providers.anthropic_answers import AnswerReader, ServerError, UnreadableAnswer
from executor_service.providers.client_cache import ClientCache
from executor_service.providers.events import event_batches
from executor_service.providers.http import streaming_client
from executor_service.providers.limits import AnswerLimits
from executor_service.providers.model import (
    CONNECTION_CLOSED,
    TIMED_OUT,
    Attachment,
    Listener,
    Message,
    ModelFailure,
    ModelRequest,
    Role,
    Turn,
    unsupported_file,
)
from executor_service.providers.openai_compatible import key_of
from executor_service.providers.retries import status_failure
from executor_service.providers.settings import ProviderSettings
from shared.workflow.format.js_values import JsonObject

DEFAULT_MAX_TOKENS: Final = 8192
PROVIDER: Final = "anthropic"
_THINKING_TOKENS: Final[Mapping[str, int]] = {"low": 2048, "medium": 8192, "high": 24_576, "max": 32_768}
_IMAGES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


class AnthropicProvider:
    """Streams every call, with or without a listener: the API requires it for long answers."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._key = settings.anthropic_api_key.get_secret_value()
        self._base_url = settings.anthropic_base_url or None
        self._connect_seconds = settings.model_connect_seconds
        self._limits = AnswerLimits(settings.model_answer_bytes, reads_whole_answers=False)
        self._clients = ClientCache(self._create_client, AsyncAnthropic.close)

    async def turn(self, request: ModelRequest, listener: Listener | None) -> Turn:
        """Request one turn. Raises ModelFailure."""
        key = key_of(request, PROVIDER, self._key)
        timeout = httpx2.Timeout(request.timeout_seconds, connect=self._connect_seconds)
        try:
            async with (
                self._clients.of(key) as client,
                client.messages.with_streaming_response.create(
                    **_body(request), stream=True, timeout=timeout
                ) as answer,
            ):
                return await _read(answer.iter_bytes(), AnswerReader(self._limits.answer_bytes), listener)
        except (AnthropicError, httpx2.HTTPError, ServerError) as error:
            raise _failure(error) from error
        except (UnreadableAnswer, msgspec.DecodeError) as error:
            raise ModelFailure(f"{PROVIDER} sent an invalid response") from error

    async def stop(self) -> None:
        """Close every client."""
        await self._clients.stop()

    def _create_client(self, key: str) -> AsyncAnthropic:
        http = streaming_client(follow_redirects=True, limits=self._limits)
        return AsyncAnthropic(api_key=key, base_url=self._base_url, max_retries=0, http_client=http)


async def _read(chunks: AsyncIterator[bytes], reader: AnswerReader, listener: Listener | None) -> Turn:
    async for batch in event_batches(await anext(chunks, b""), chunks):
        for event in batch:
            text, thought = reader.take(event)
            if listener is not None and text:
                await listener.text(text)
            if listener is not None and thought:
                await listener.thinking(thought)
    if not reader.has_ended:
        raise ModelFailure(CONNECTION_CLOSED)
    return reader.turn()


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


def _failure(error: Exception) -> ModelFailure:
    if isinstance(error, APIStatusError):
        return status_failure(_error_message(error), error.status_code, error.response.headers)
    if isinstance(error, APITimeoutError | httpx2.TimeoutException):
        return ModelFailure(TIMED_OUT)
    if isinstance(error, APIConnectionError):
        return ModelFailure(f"Could not reach {PROVIDER}: {error.__cause__ or error}", is_transient=True)
    return ModelFailure(CONNECTION_CLOSED if isinstance(error, httpx2.HTTPError) else str(error))


def _error_message(error: APIStatusError) -> str:
    body = error.body
    inner = body.get("error") if isinstance(body, dict) else None
    message = inner.get("message") if isinstance(inner, dict) else None
    return message if isinstance(message, str) and message else error.message
