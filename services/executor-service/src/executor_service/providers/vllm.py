"""vLLM and compatible servers: the operator's, or a block's own."""

import ssl
from contextlib import AbstractAsyncContextManager
from typing import Final

import httpcore2
import httpx2

from executor_service.providers.client_cache import ClientCache
from executor_service.providers.endpoints import NO_KEY_NEEDED, Endpoint, with_version
from executor_service.providers.http import MAX_CONNECTIONS
from executor_service.providers.limits import ANSWER_BYTES, limit_hooks
from executor_service.providers.model import ModelFailure, ModelRequest
from executor_service.providers.openai_compatible import COMPLETIONS, OpenAICompatible, RequestTarget, bearer
from shared.net import BlockedAddress, OutboundClient, OutboundFailed

COMPRESSED: Final = "The model server sent a compressed response, which is not accepted"
_PLAIN: Final = "identity"


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
        return RequestTarget(server + COMPLETIONS, bearer(request.credential("apiKey") or NO_KEY_NEEDED), server)

    def _client_for(self, target: RequestTarget) -> AbstractAsyncContextManager[httpx2.AsyncClient]:
        return self._own_servers.of(target.server) if target.server else super()._client_for(target)

    def _create_client(self, server: str) -> httpx2.AsyncClient:
        try:
            transport = _GuardedTransport(self._outbound.network_to(server))
        except BlockedAddress as error:
            raise ModelFailure(error.message) from error
        return httpx2.AsyncClient(transport=transport, trust_env=False, event_hooks=limit_hooks(self._limits))


class _GuardedTransport(httpx2.AsyncHTTPTransport):
    """HTTP over a guarded network, one connection per call.

    Compressed answers are not accepted: their size is unbounded.
    """

    def __init__(self, network: httpcore2.AsyncNetworkBackend) -> None:
        super().__init__(trust_env=False)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(),
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
