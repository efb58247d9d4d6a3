"""vLLM and its like: the operator's server, or a block's own."""

import ssl
from typing import Final

import httpcore2
import httpx2
from openai import AsyncOpenAI

from executor_service.providers.endpoints import NO_KEY_NEEDED, Endpoint, with_version
from executor_service.providers.model import ModelFailure, ModelRequest
from executor_service.providers.openai_compatible import OpenAICompatible
from shared.net import BlockedAddress, OutboundClient, OutboundFailed

COMPRESSED: Final = "The model server sent a compressed answer, which was not asked for"
_PLAIN: Final = "identity"


class VllmProvider(OpenAICompatible):
    """A block's own server is called as everything that workflows name is: to open addresses only, within bounds.

    The operator's key stays with the operator's server.
    """

    def __init__(self, endpoint: Endpoint, *, connect_seconds: float, outbound: OutboundClient) -> None:
        super().__init__(endpoint, connect_seconds=connect_seconds)
        self._outbound = outbound

    def _address(self, request: ModelRequest) -> tuple[str, ...]:
        named = request.credential("azureEndpoint")
        if named is None or with_version(named) == self._endpoint.base_url:
            return super()._address(request)
        return request.credential("apiKey") or NO_KEY_NEEDED, with_version(named.strip())

    def _connected(self, key: str, own_server: str = "") -> AsyncOpenAI:
        if not own_server:
            return super()._connected(key)
        try:
            transport = _Guarded(self._outbound.network_to(own_server))
        except BlockedAddress as error:
            raise ModelFailure(error.message) from error
        http = httpx2.AsyncClient(transport=transport, trust_env=False)
        return AsyncOpenAI(api_key=key, base_url=own_server, max_retries=0, http_client=http)


class _Guarded(httpx2.AsyncHTTPTransport):
    """HTTP over a guarded network, a connection for each call. A compressed answer could be of any size."""

    def __init__(self, network: httpcore2.AsyncNetworkBackend) -> None:
        super().__init__(trust_env=False)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(), max_keepalive_connections=0, network_backend=network
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises BlockedAddress, OutboundFailed, ResponseTooLarge, and the errors of httpx2."""
        request.headers["accept-encoding"] = _PLAIN
        response = await super().handle_async_request(request)
        if response.headers.get("content-encoding", _PLAIN) != _PLAIN:
            await response.aclose()
            raise OutboundFailed(COMPRESSED)
        return response
