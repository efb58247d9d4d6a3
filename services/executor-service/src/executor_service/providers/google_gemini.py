"""Google's Gemini API, through the official client."""

import json
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Final

import httpx2
from google import genai
from google.genai import errors, types

from executor_service.providers.http import StoredSize, model_client
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
from shared.workflow.format.js_values import MISSING, Json, JsonObject, parse_json

PROVIDER: Final = "google"
KEY_HEADER: Final = "x-goog-api-key"
NO_KEY: Final = "none"
"""The library requires a key at its start; each request names its own."""
PART_BYTES: Final = 512
"""Memory that a part uses besides its content."""
_FILES: Final = frozenset({"application/pdf"})
_MEDIA: Final = ("image/", "audio/", "video/")
_FINISHES: Final[Mapping[str, str]] = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter"}


_open_responses: Final[ContextVar[list[httpx2.Response]]] = ContextVar("gemini_responses")
"""Responses of the current turn, to close at its end: the client leaves that to the garbage collector."""


class GeminiProvider:
    """Provider that streams every call, with or without a listener."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._settings = settings
        self._http = model_client(settings.model_answer_bytes)
        self._http.event_hooks["response"].append(_track_response)
        options = types.HttpOptions(
            base_url=settings.gemini_base_url or None,
            retry_options=types.HttpRetryOptions(attempts=1),
            httpx_async_client=self._http,
        )
        self._client = genai.Client(api_key=settings.gemini_api_key.get_secret_value() or NO_KEY, http_options=options)

    async def turn(self, request: ModelRequest, listener: Listener | None) -> Turn:
        """Request one turn. Raises ModelFailure."""
        key = key_of(request, PROVIDER, self._settings.gemini_api_key.get_secret_value())
        assembler = _TurnAssembler(self._settings.model_answer_bytes)
        responses: list[httpx2.Response] = []
        _open_responses.set(responses)
        try:
            answers = await self._client.aio.models.generate_content_stream(
                model=request.model, contents=_contents(request), config=_config(request, key)
            )
            async for answer in answers:
                await assembler.take(answer, listener)
        except errors.APIError as error:
            raise _api_failure(error) from error
        except errors.UnknownApiResponseError as error:
            raise ModelFailure(f"{PROVIDER} sent an invalid response") from error
        except httpx2.ConnectError as error:
            raise ModelFailure(f"Could not reach {PROVIDER}: {error}", is_transient=True) from error
        except httpx2.TimeoutException as error:
            raise ModelFailure(TIMED_OUT) from error
        except httpx2.HTTPError as error:
            raise ModelFailure(CONNECTION_CLOSED) from error
        finally:
            for response in responses:
                await response.aclose()
        return assembler.turn()

    async def stop(self) -> None:
        """Close all connections."""
        await self._http.aclose()


async def _track_response(response: httpx2.Response) -> None:
    _open_responses.get().append(response)


def _api_failure(error: errors.APIError) -> ModelFailure:
    response = error.response
    headers: Mapping[str, str] = response.headers if isinstance(response, httpx2.Response) else {}
    return status_failure(error.message or str(error), error.code, headers)


class _TurnAssembler:
    """Builder of a turn from the chunks of an answer."""

    def __init__(self, answer_bytes: int) -> None:
        self._stored = StoredSize(answer_bytes)
        self._parts: list[types.Part] = []
        self._tokens = Tokens()
        self._finish: str | None = None

    async def take(self, answer: types.GenerateContentResponse, listener: Listener | None) -> None:
        """Add a chunk and notify the listener."""
        if answer.usage_metadata is not None:
            self._tokens = _tokens(answer.usage_metadata)
        candidate = answer.candidates[0] if answer.candidates else None
        if candidate is None:
            _raise_if_blocked(answer)
            return
        if candidate.finish_reason is not None:
            self._finish = _FINISHES.get(candidate.finish_reason.name, candidate.finish_reason.name.lower())
        for part in (candidate.content.parts if candidate.content else None) or ():
            self._stored.add(PART_BYTES + len(part.model_dump_json(exclude_none=True)))
            self._parts.append(part)
            if listener is not None and part.text:
                await (listener.thinking(part.text) if part.thought else listener.text(part.text))

    def turn(self) -> Turn:
        """Return the whole turn. Raises ModelFailure."""
        if self._finish is None:
            raise ModelFailure(CONNECTION_CLOSED)
        calls = [part.function_call for part in self._parts if part.function_call is not None]
        return Turn(
            content="".join(part.text or "" for part in self._parts if not part.thought),
            thinking="".join(part.text or "" for part in self._parts if part.thought),
            tool_calls=tuple(
                ToolCall(call.id or f"call_{index}", call.name or "", json.dumps(call.args or {}))
                for index, call in enumerate(calls)
            ),
            finish_reason="tool_calls" if calls else self._finish,
            tokens=self._tokens,
            original=types.Content(role="model", parts=self._parts),
        )


def _raise_if_blocked(answer: types.GenerateContentResponse) -> None:
    reason = answer.prompt_feedback.block_reason if answer.prompt_feedback else None
    if reason is not None:
        raise ModelFailure(f"{PROVIDER} refused the prompt: {reason.name}")


def _tokens(usage: types.GenerateContentResponseUsageMetadata) -> Tokens:
    output = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    return Tokens.from_counts(usage.prompt_token_count, output, usage.cached_content_token_count)


def _config(request: ModelRequest, key: str) -> types.GenerateContentConfig:
    response_format = request.response_format
    return types.GenerateContentConfig(
        http_options=types.HttpOptions(timeout=int(request.timeout_seconds * 1000), headers={KEY_HEADER: key}),
        system_instruction=request.system or None,
        temperature=request.temperature,
        max_output_tokens=request.max_tokens,
        response_mime_type="application/json" if response_format is not None else None,
        response_json_schema=response_format.schema if response_format is not None else None,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        **_tools(request),
    )


def _tools(request: ModelRequest) -> Mapping[str, Any]:
    if not request.tools:
        return {}
    declared = [
        types.FunctionDeclaration(name=tool.name, description=tool.description, parameters_json_schema=tool.parameters)
        for tool in request.tools
    ]
    forced, modes = request.forced_tool, types.FunctionCallingConfigMode
    mode = modes.NONE if not request.may_call_tools else modes.ANY if forced else modes.AUTO
    calling = types.FunctionCallingConfig(mode=mode, allowed_function_names=[forced] if forced else None)
    return {
        "tools": [types.Tool(function_declarations=declared)],
        "tool_config": types.ToolConfig(function_calling_config=calling),
    }


def _contents(request: ModelRequest) -> list[Any]:
    return [_content(message) for message in request.messages if message.role is not Role.SYSTEM]


def _content(message: Message) -> types.Content:
    if isinstance(message.original, types.Content):
        return message.original
    if message.role is Role.TOOL:
        response = types.FunctionResponse(name=message.tool_name, response=_response(message.content or ""))
        return types.Content(role="user", parts=[types.Part(function_response=response)])
    role = "model" if message.role is Role.ASSISTANT else "user"
    text = [types.Part(text=message.content or "")] if message.content or not message.attachments else []
    return types.Content(role=role, parts=[*map(_part, message.attachments), *text])


def _part(file: Attachment) -> types.Part:
    if file.type in _FILES or file.type.startswith(_MEDIA):
        return types.Part(inline_data=types.Blob(mime_type=file.type, data=file.content))
    if file.text is None:
        raise unsupported_file(file, PROVIDER)
    return types.Part(text=file.text)


def _response(text: str) -> JsonObject:
    """Return a tool's result as the object that the API requires."""
    parsed = parse_json(text)
    value: Json = text if parsed is MISSING else parsed
    return value if isinstance(value, dict) else {"result": value}
