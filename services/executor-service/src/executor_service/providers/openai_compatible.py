"""Servers with the chat completions API, through OpenAI's official client."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx2
import msgspec
from openai import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    AsyncAPIResponse,
    AsyncAzureOpenAI,
    AsyncOpenAI,
    AsyncStream,
    Omit,
    OpenAIError,
)

from executor_service.providers.endpoints import AZURE, NO_KEY_NEEDED, Endpoint, bare_model, with_version
from executor_service.providers.http import CheckedTransport, check_values, ended_in_order, model_client
from executor_service.providers.model import (
    CONNECTION_CLOSED,
    TIMED_OUT,
    Attachment,
    Listener,
    Message,
    ModelFailure,
    ModelRequest,
    Role,
    ServerUnreachable,
    Tool,
    Turn,
    key_of,
    unsupported_file,
)
from executor_service.providers.openai_answers import NO_ANSWER, Completion, TurnAssembler
from executor_service.providers.retries import status_failure
from executor_service.providers.settings import ProviderSettings
from shared.net import OutboundClient, OutboundError
from shared.observe.spans import trace_headers
from shared.workflow.format.js_values import Json, JsonObject, parse_json, stringify

AZURE_DOMAINS: Final = (".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com")
"""Allowed domains: a block names its endpoint, and must not reach anything else that way."""
MAX_ERROR_CHARACTERS: Final = 1000
EVENTS_IN_A_ROW: Final = 16
"""Number of events that arrive together before other runs get a turn."""
HEAD_START_SECONDS: Final = 0.001
"""Reading pauses this long after the first text, so that broker and gateway can forward it."""
_IMAGE_TYPES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_AUDIO_FORMATS: Final = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3"}


class OpenAICompatible:
    """One provider: its server, and the servers that blocks name.

    Those of blocks are called like every URL of a workflow: only at public addresses, within limits, and without the
    operator's key.
    """

    def __init__(self, endpoint: Endpoint, settings: ProviderSettings, outbound: OutboundClient) -> None:
        self._endpoint = endpoint
        self._settings = settings
        self._outbound = outbound
        # Shared with the servers of blocks: reading the trusted certificates takes 12 ms, in which no run continues.
        self._tls = ssl.create_default_context()
        # A redirect would send the header with Azure's key to another server, unlike a bearer token.
        follows = endpoint.provider not in AZURE
        self._http = model_client(
            settings.model_answer_bytes, follow_redirects=follows, reads_whole_answers=True, tls=self._tls
        )

    async def turn(self, request: ModelRequest, listener: Listener | None) -> Turn:
        """Request one turn. Raises ModelFailure."""
        has_begun = False
        try:
            async with (
                self._client_for(request) as client,
                client.chat.completions.with_streaming_response.create(
                    **_body(request, self._endpoint, streams=listener is not None),
                    extra_headers={**self._account_headers(), **trace_headers()},
                    timeout=httpx2.Timeout(request.timeout_seconds, connect=self._settings.model_connect_seconds),
                ) as answer,
            ):
                has_begun = True
                return await self._read(answer, listener)
        except OutboundError as error:
            raise ModelFailure(error.message) from error
        except (OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, ValueError, RecursionError) as error:
            raise _failure(error, self._endpoint.provider, has_begun=has_begun) from error

    async def stop(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def _read(self, answer: AsyncAPIResponse[Any], listener: Listener | None) -> Turn:
        """Return the turn. Not every server sends `[DONE]`, and not every one a finish reason.

        Without either, a stream is incomplete. Some servers send a complete answer instead of a stream.
        """
        assembler = TurnAssembler(self._settings.model_answer_bytes)
        if listener is None or answer.headers.get("content-type", "").endswith("json"):
            document = await answer.read()
            check_values(document)
            completion = msgspec.json.decode(document, type=Completion)
            await _send(assembler.take(completion), listener)
            if not completion.choices:
                raise ModelFailure(NO_ANSWER)
            return assembler.turn()
        has_sent, count = False, 0
        # Plain objects: the library's models cost ten times as much for each token, and do not take all dialects.
        async for event in await answer.parse(to=AsyncStream[object]):
            count += 1
            sent = await _send(assembler.take(msgspec.convert(event, Completion)), listener)
            if sent and not has_sent:
                has_sent = True
                await asyncio.sleep(HEAD_START_SECONDS)
            elif count % EVENTS_IN_A_ROW == 0:
                await asyncio.sleep(0)
        if not assembler.has_ended and not ended_in_order(answer.http_response):
            raise ModelFailure(CONNECTION_CLOSED)
        return assembler.turn()

    @asynccontextmanager
    async def _client_for(self, request: ModelRequest) -> AsyncIterator[AsyncOpenAI]:
        """Yield the client of the request's server. Raises ModelFailure, BlockedAddress."""
        endpoint, named = self._endpoint, request.credential("azureEndpoint")
        if endpoint.provider in AZURE:
            yield self._azure(request, named)
        elif endpoint.provider == "vllm" and named is not None and with_version(named) != endpoint.base_url:
            server = with_version(named.strip())
            transport = CheckedTransport(self._outbound.network_to(server, request.workspace_id), self._tls)
            key = request.credential("apiKey") or NO_KEY_NEEDED
            async with model_client(
                self._settings.model_answer_bytes,
                follow_redirects=False,
                reads_whole_answers=True,
                transport=transport,
                tls=self._tls,
            ) as http:
                yield AsyncOpenAI(api_key=key, base_url=server, max_retries=0, http_client=http)
        elif not endpoint.base_url:
            raise ModelFailure(f"No server is configured for {endpoint.provider} models")
        else:
            key = key_of(request, endpoint.provider, endpoint.api_key)
            yield AsyncOpenAI(api_key=key, base_url=endpoint.base_url, max_retries=0, http_client=self._http)

    def _azure(self, request: ModelRequest, named: str | None) -> AsyncAzureOpenAI:
        """Return the client of a deployment: at the operator's resource, or at the block's own within Azure."""
        resource = self._endpoint.base_url if named is None else _checked_azure(named)
        if not resource:
            raise ModelFailure(
                "No Azure endpoint is configured. Set AZURE_OPENAI_ENDPOINT or the block's azureEndpoint."
            )
        return AsyncAzureOpenAI(
            api_key=key_of(request, self._endpoint.provider, self._endpoint.api_key if named is None else ""),
            azure_endpoint=resource,
            azure_deployment=quote(bare_model(request.model, self._endpoint.provider), safe=""),
            api_version=request.credential("azureApiVersion") or self._settings.azure_openai_api_version,
            max_retries=0,
            http_client=self._http,
        )

    def _account_headers(self) -> Mapping[str, Omit]:
        """Omit what the library sends from the environment to everyone: the operator's account at OpenAI."""
        return {} if self._endpoint.provider == "openai" else dict.fromkeys(_ACCOUNT, Omit())


_ACCOUNT: Final = ("OpenAI-Organization", "OpenAI-Project")


async def _send(texts: tuple[str, str], listener: Listener | None) -> bool:
    text, thoughts = texts
    if listener is None:
        return False
    if thoughts:
        await listener.thinking(thoughts)
    if text:
        await listener.text(text)
    return bool(text)


def _checked_azure(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    if parts.scheme != "https" or not (parts.hostname or "").endswith(AZURE_DOMAINS):
        raise ModelFailure("The Azure endpoint must be an https URL of an Azure OpenAI resource")
    return f"https://{parts.hostname}"


def _failure(error: Exception, provider: str, *, has_begun: bool) -> ModelFailure:
    if isinstance(error, APIStatusError):
        return status_failure(_refusal(error), error.status_code, error.response.headers)
    if isinstance(error, APITimeoutError | httpx2.TimeoutException):
        return ModelFailure(TIMED_OUT)
    cause = error.__cause__ or error
    if not has_begun and isinstance(cause, httpx2.LocalProtocolError | httpx2.InvalidURL | ValueError):
        return ModelFailure(f"Invalid request to {provider}: {cause}")
    if isinstance(error, APIConnectionError) and not has_begun:
        return ServerUnreachable(f"Could not reach {provider}: {cause}")
    if isinstance(error, APIConnectionError | httpx2.HTTPError):
        return ModelFailure(CONNECTION_CLOSED)
    return ModelFailure(
        error.message if isinstance(error, APIError) else f"{provider} sent an invalid response: {error}"
    )


def _refusal(error: APIStatusError) -> str:
    """Return the server's reason, wherever it is in the body."""
    body = error.body
    reason = body.get("message") if isinstance(body, dict) else body
    if not reason or not isinstance(reason, str):
        reason = error.response.text
    return reason[:MAX_ERROR_CHARACTERS].strip() or error.message


def _body(request: ModelRequest, endpoint: Endpoint, *, streams: bool) -> Mapping[str, Any]:
    body: dict[str, Any] = {"model": bare_model(request.model, endpoint.provider), **_tools(request)}
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.max_tokens is not None:
        body[endpoint.max_tokens_field] = request.max_tokens
    if request.reasoning_effort:
        body["reasoning_effort"] = request.reasoning_effort
    if request.verbosity:
        body["verbosity"] = request.verbosity
    if streams:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    if not endpoint.takes_schema and isinstance(body.get("tool_choice"), dict):
        body["tool_choice"] = "auto"
    messages, wanted = messages_of(request), request.response_format
    if wanted is not None and endpoint.takes_schema:
        schema: JsonObject = {"name": wanted.name, "schema": wanted.schema, "strict": wanted.strict}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif wanted is not None:
        text = f"Answer with one JSON object that follows this schema: {stringify(wanted.schema)}"
        messages = [{"role": "system", "content": text}, *messages]
        body["response_format"] = {"type": "json_object"}
    return {**body, "messages": messages}


def _tools(request: ModelRequest) -> JsonObject:
    if not request.tools or not request.may_call_tools:
        return {}
    choice: JsonObject | str = "auto"
    if request.forced_tool is not None:
        choice = {"type": "function", "function": {"name": request.forced_tool}}
    return {"tools": [_tool(tool) for tool in request.tools], "tool_choice": choice}


def _tool(tool: Tool) -> JsonObject:
    return {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
    }


def messages_of(request: ModelRequest) -> list[JsonObject]:
    """Return the conversation in the API's form. Raises ModelFailure for a file that it does not support."""
    return [_message(message) for message in request.messages]


def _message(message: Message) -> JsonObject:
    if message.role is Role.TOOL:
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.content}
    if not message.tool_calls:
        return {"role": str(message.role), "content": _parts(message) if message.attachments else message.content}
    calls: list[JsonObject] = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": _valid_arguments(call.arguments)},
        }
        for call in message.tool_calls
    ]
    return {"role": str(message.role), "content": message.content, "tool_calls": list(calls)}


def _valid_arguments(arguments: str) -> str:
    """Return the arguments, or `{}` if they are not a JSON object: some servers then reject the conversation.

    The tool's result has already told the model about the error.
    """
    return arguments if isinstance(parse_json(arguments), dict) else "{}"


def _parts(message: Message) -> list[Json]:
    content: list[Json] = [{"type": "text", "text": message.content}] if message.content else []
    return content + [_part(attachment) for attachment in message.attachments]


def _part(file: Attachment) -> JsonObject:
    if file.type in _IMAGE_TYPES:
        return {"type": "image_url", "image_url": {"url": file.data_url}}
    if file.type in _AUDIO_FORMATS:
        return {"type": "input_audio", "input_audio": {"data": file.base64, "format": _AUDIO_FORMATS[file.type]}}
    if file.type == "application/pdf":
        return {"type": "file", "file": {"filename": file.name, "file_data": file.data_url}}
    if file.text is None:
        raise unsupported_file(file, "OpenAI-compatible")
    return {"type": "text", "text": file.text}
