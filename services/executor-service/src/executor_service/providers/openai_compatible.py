"""Every server that speaks chat completions, through the official client."""

from collections import OrderedDict
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any, Final

import httpx2
import msgspec
from openai import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncOpenAI,
    AsyncStream,
    OpenAIError,
    RequestOptions,
)

from executor_service.providers.endpoints import Endpoint
from executor_service.providers.http import streaming_client
from executor_service.providers.model import (
    BROKEN_OFF,
    TIMED_OUT,
    Listener,
    Message,
    ModelFailure,
    ModelRequest,
    Role,
    Turn,
)
from executor_service.providers.openai_wire import StreamError, messages_of, streamed_turn, tools_of, whole_turn
from executor_service.providers.patience import refusal
from shared.net import OutboundError
from shared.observe.spans import trace_headers
from shared.workflow.jsvalues import JsonObject, stringify

MAX_CLIENTS: Final = 64
COMPLETIONS: Final = "/chat/completions"
"""Asked for by the client's door to any path: what `create` does to a body that is right already costs 0.2 ms."""


class OpenAICompatible:
    """One provider: its endpoint, and a bounded pool of clients, one for each key."""

    def __init__(self, endpoint: Endpoint, *, connect_seconds: float) -> None:
        self._endpoint = endpoint
        self._connect_seconds = connect_seconds
        self._clients: OrderedDict[tuple[str, ...], AsyncOpenAI] = OrderedDict()

    async def turn(self, request: ModelRequest, listener: Listener | None) -> Turn:
        """Ask for one turn. Raises ModelFailure."""
        client = self._client(request)
        body = _body(request, self._endpoint, streams=listener is not None)
        timeout = httpx2.Timeout(request.timeout_seconds, connect=self._connect_seconds)
        options: RequestOptions = {"timeout": timeout, "headers": trace_headers()}
        try:
            answer = await client.post(
                COMPLETIONS, cast_to=object, body=body, options=options, stream=True, stream_cls=AsyncStream[object]
            )
            async with aclosing(answer.response) as response:
                if listener is None:
                    return whole_turn(await response.aread())
                return await streamed_turn(response.aiter_bytes(), listener)
        except (OpenAIError, httpx2.HTTPError, OutboundError, StreamError, msgspec.DecodeError) as error:
            raise _failure(error, self._endpoint.provider) from error

    async def stop(self) -> None:
        """Close every client."""
        while self._clients:
            await self._clients.popitem()[1].close()

    def _client(self, request: ModelRequest) -> AsyncOpenAI:
        address = self._address(request)
        client = self._clients.get(address)
        if client is None:
            client = self._clients[address] = self._connected(*address)
            if len(self._clients) > MAX_CLIENTS:
                self._clients.popitem(last=False)
        self._clients.move_to_end(address)
        return client

    def _address(self, request: ModelRequest) -> tuple[str, ...]:
        """What a client is for: the key, and whatever else `_connected` takes. Raises ModelFailure."""
        if not self._endpoint.base_url:
            raise ModelFailure(f"No server is configured for {self._endpoint.provider} models")
        return (key_of(request, self._endpoint.provider, self._endpoint.api_key),)

    def _connected(self, key: str) -> AsyncOpenAI:
        return AsyncOpenAI(api_key=key, base_url=self._endpoint.base_url, max_retries=0, http_client=streaming_client())


def key_of(request: ModelRequest, provider: str, own_key: str) -> str:
    """The block's key, else the server's. Raises ModelFailure when there is none."""
    key = request.credential("apiKey") or own_key
    if not key:
        raise ModelFailure(f"API key is required for {provider} {request.model}")
    return key


def _body(request: ModelRequest, endpoint: Endpoint, *, streams: bool) -> Mapping[str, Any]:
    body: JsonObject = {"model": bare_model(request.model, endpoint.provider), **tools_of(request)}
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
    return {**body, **_structured(request, endpoint)}


def _structured(request: ModelRequest, endpoint: Endpoint) -> JsonObject:
    """The messages, and how the answer's form is asked for."""
    wanted = request.response_format
    if wanted is None:
        return {"messages": list(messages_of(request))}
    if endpoint.takes_schema:
        schema: JsonObject = {"name": wanted.name, "schema": wanted.schema, "strict": wanted.strict}
        return {
            "messages": list(messages_of(request)),
            "response_format": {"type": "json_schema", "json_schema": schema},
        }
    told = Message(
        role=Role.SYSTEM, content=f"Answer with one JSON object that follows this schema: {stringify(wanted.schema)}"
    )
    told_request = ModelRequest(model=request.model, messages=(told, *request.messages))
    return {"messages": list(messages_of(told_request)), "response_format": {"type": "json_object"}}


def bare_model(model: str, provider: str) -> str:
    """The name as the server knows it: the provider's prefix is ours."""
    return model.removeprefix(f"{provider}/")


def _failure(error: Exception, provider: str) -> ModelFailure:
    if isinstance(error, APIStatusError):
        return refusal(_told(error), error.status_code, error.response.headers)
    if isinstance(error, APIConnectionError):
        return _unreached(error, provider)
    if isinstance(error, httpx2.TimeoutException):
        return ModelFailure(TIMED_OUT)
    if isinstance(error, httpx2.HTTPError):
        return ModelFailure(BROKEN_OFF)
    if isinstance(error, msgspec.DecodeError):
        return ModelFailure(f"{provider} sent an answer that cannot be read: {error}")
    return ModelFailure(str(error))


def _unreached(error: APIConnectionError, provider: str) -> ModelFailure:
    if isinstance(error, APITimeoutError):
        return ModelFailure(TIMED_OUT)
    if isinstance(error.__cause__, OutboundError):
        return ModelFailure(error.__cause__.message)
    return ModelFailure(f"Could not reach {provider}: {error.__cause__ or error}", may_pass=True)


def _told(error: APIStatusError) -> str:
    body = error.body
    message = body.get("message") if isinstance(body, dict) else body
    return message if isinstance(message, str) and message else error.message
