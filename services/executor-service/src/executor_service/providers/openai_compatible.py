"""Client of servers with the chat completions API."""

import ssl
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import ClassVar, Final, NamedTuple

import httpcore2
import httpx2
import msgspec

from executor_service.providers.client_cache import MAX_CLIENTS, ClientCache
from executor_service.providers.endpoints import NO_KEY_NEEDED, Endpoint, with_version
from executor_service.providers.http import MAX_CONNECTIONS, streaming_client
from executor_service.providers.limits import ANSWER_BYTES, AnswerLimits, limit_hooks
from executor_service.providers.model import (
    CONNECTION_CLOSED,
    TIMED_OUT,
    Listener,
    Message,
    ModelFailure,
    ModelRequest,
    Role,
    ServerUnreachable,
    Turn,
)
from executor_service.providers.openai_answers import StreamError, error_message_of, whole_turn
from executor_service.providers.openai_requests import messages_of, tools_of
from executor_service.providers.openai_streams import streamed_turn
from executor_service.providers.retries import status_failure
from shared.net import BlockedAddress, OutboundClient, OutboundError, OutboundFailed
from shared.observe.spans import trace_headers
from shared.workflow.format.js_values import JsonObject, stringify

COMPLETIONS: Final = "/chat/completions"
_parse_url: Final = lru_cache(MAX_CLIENTS)(httpx2.URL)
_encode: Final = msgspec.json.Encoder().encode
COMPRESSED: Final = "The model server sent a compressed response, which is not accepted"
_PLAIN: Final = "identity"


class OwnServer(NamedTuple):
    """A server that a workspace's blocks name."""

    url: str
    workspace_id: str


@dataclass(frozen=True, slots=True)
class RequestTarget:
    """URL and headers of the completions API."""

    url: str
    headers: Mapping[str, str]
    own_server: "OwnServer | None" = None
    """The block's own server, if not the operator's."""


class OpenAICompatible:
    """One provider: its endpoint and its clients."""

    follows_redirects: ClassVar[bool] = True

    def __init__(self, endpoint: Endpoint, *, connect_seconds: float, answer_bytes: int = ANSWER_BYTES) -> None:
        self._endpoint = endpoint
        self._connect_seconds = connect_seconds
        self._limits = AnswerLimits(answer_bytes)
        self._http = streaming_client(follow_redirects=self.follows_redirects, limits=self._limits)

    async def turn(self, request: ModelRequest, listener: Listener | None) -> Turn:
        """Request one turn. Raises ModelFailure."""
        target = self._target(request)
        body = _body(request, self._endpoint, streams=listener is not None)
        try:
            async with (
                self._client_for(target) as http,
                aclosing(await self._send(http, target, body, request.timeout_seconds)) as answer,
            ):
                if not answer.is_success:
                    instruction = error_message_of(await answer.aread()) or f"Error code: {answer.status_code}"
                    raise status_failure(instruction, answer.status_code, answer.headers)
                if listener is None:
                    return whole_turn(await answer.aread(), self._limits.answer_bytes)
                return await streamed_turn(answer.aiter_bytes(), listener, self._limits.answer_bytes)
        except (httpx2.HTTPError, OutboundError, StreamError, msgspec.DecodeError) as error:
            raise _failure(error, self._endpoint.provider) from error

    async def stop(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def _send(
        self, http: httpx2.AsyncClient, target: RequestTarget, body: JsonObject, seconds: float
    ) -> httpx2.Response:
        """Return the response, body unread.

        Raises ModelFailure, httpx2.TimeoutException, OutboundError.
        """
        limits = httpx2.Timeout(seconds, connect=self._connect_seconds).as_dict()
        headers = {"content-type": "application/json", **target.headers, **trace_headers()}
        try:
            http_request = httpx2.Request(
                "POST", _parse_url(target.url), headers=headers, content=_encode(body), extensions={"timeout": limits}
            )
            return await http.send(http_request, stream=True)
        except (httpx2.LocalProtocolError, httpx2.InvalidURL, UnicodeEncodeError) as error:
            raise ModelFailure(f"Invalid request to {self._endpoint.provider}: {error}") from error
        except httpx2.TimeoutException:
            raise
        except httpx2.HTTPError as error:
            raise ServerUnreachable(f"Could not reach {self._endpoint.provider}: {error}") from error

    def _target(self, request: ModelRequest) -> RequestTarget:
        """Return the URL and headers for this request. Raises ModelFailure."""
        if not self._endpoint.base_url:
            raise ModelFailure(f"No server is configured for {self._endpoint.provider} models")
        key = key_of(request, self._endpoint.provider, self._endpoint.api_key)
        return RequestTarget(self._endpoint.base_url.rstrip("/") + COMPLETIONS, bearer(key))

    def _client_for(self, target: RequestTarget) -> AbstractAsyncContextManager[httpx2.AsyncClient]:
        """Return the client, open within the context. Entering raises ModelFailure."""
        return nullcontext(self._http)


def bearer(key: str) -> Mapping[str, str]:
    """Return a key's header."""
    return {"authorization": f"Bearer {key}"}


def key_of(request: ModelRequest, provider: str, own_key: str) -> str:
    """Return the block's key, else the server's. Raises ModelFailure without either."""
    key = request.credential("apiKey") or own_key
    if not key:
        raise ModelFailure(f"API key is required for {provider} {request.model}")
    return key


def _body(request: ModelRequest, endpoint: Endpoint, *, streams: bool) -> JsonObject:
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
    return {**body, **_messages_and_format(request, endpoint)}


def _messages_and_format(request: ModelRequest, endpoint: Endpoint) -> JsonObject:
    """Return the messages, and the requested format of the answer."""
    wanted = request.response_format
    if wanted is None:
        return {"messages": list(messages_of(request))}
    if endpoint.takes_schema:
        schema: JsonObject = {"name": wanted.name, "schema": wanted.schema, "strict": wanted.strict}
        return {
            "messages": list(messages_of(request)),
            "response_format": {"type": "json_schema", "json_schema": schema},
        }
    instruction = Message(
        role=Role.SYSTEM, content=f"Answer with one JSON object that follows this schema: {stringify(wanted.schema)}"
    )
    instructed_request = ModelRequest(model=request.model, messages=(instruction, *request.messages))
    return {"messages": list(messages_of(instructed_request)), "response_format": {"type": "json_object"}}


def bare_model(model: str, provider: str) -> str:
    """Return the server's name for the model: the provider's prefix is ours."""
    return model.removeprefix(f"{provider}/")


def _failure(error: Exception, provider: str) -> ModelFailure:
    if isinstance(error, httpx2.TimeoutException):
        return ModelFailure(TIMED_OUT)
    if isinstance(error, httpx2.HTTPError):
        return ModelFailure(CONNECTION_CLOSED)
    if isinstance(error, OutboundError):
        return ModelFailure(error.message)
    if isinstance(error, msgspec.DecodeError):
        return ModelFailure(f"{provider} sent an invalid response: {error}")
    return ModelFailure(str(error))


class VllmProvider(OpenAICompatible):
    """Calls a block's own server like every URL of a workflow: only at public addresses, within limits.

    The operator's key goes only to the operator's server.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        connect_seconds: float,
        outbound: OutboundClient,
        answer_bytes: int = ANSWER_BYTES,
    ) -> None:
        super().__init__(endpoint, connect_seconds=connect_seconds, answer_bytes=answer_bytes)
        self._outbound = outbound
        self._own_servers = ClientCache(self._create_client, httpx2.AsyncClient.aclose)

    async def stop(self) -> None:
        await super().stop()
        await self._own_servers.stop()

    def _target(self, request: ModelRequest) -> RequestTarget:
        server_url = request.credential("azureEndpoint")
        if server_url is None or with_version(server_url) == self._endpoint.base_url:
            return super()._target(request)
        server = with_version(server_url.strip())
        return RequestTarget(
            server + COMPLETIONS,
            bearer(request.credential("apiKey") or NO_KEY_NEEDED),
            OwnServer(server, request.workspace_id),
        )

    def _client_for(self, target: RequestTarget) -> AbstractAsyncContextManager[httpx2.AsyncClient]:
        return self._own_servers.of(target.own_server) if target.own_server else super()._client_for(target)

    def _create_client(self, server: OwnServer) -> httpx2.AsyncClient:
        try:
            transport = _GuardedTransport(self._outbound.network_to(*server), self._tls)
        except BlockedAddress as error:
            raise ModelFailure(error.message) from error
        return httpx2.AsyncClient(transport=transport, trust_env=False, event_hooks=limit_hooks(self._limits))

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Shared by all servers: reading the trusted certificates takes 12 ms, in which no run continues."""
        return ssl.create_default_context()


class _GuardedTransport(httpx2.AsyncHTTPTransport):
    """HTTP over a guarded network, one connection per call.

    Compressed answers are not accepted: their size is unbounded.
    """

    def __init__(self, network: httpcore2.AsyncNetworkBackend, tls: ssl.SSLContext) -> None:
        super().__init__(verify=tls, trust_env=False)  # without `tls`, it reads the certificates itself
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=0,
            network_backend=network,
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises BlockedAddress, OutboundFailed, ResponseTooLarge, and the errors of httpx2."""
        request.headers["accept-encoding"] = _PLAIN
        response = await super().handle_async_request(request)
        if response.headers.get("content-encoding", _PLAIN) != _PLAIN:
            await response.aclose()
            raise OutboundFailed(COMPRESSED)
        return response
