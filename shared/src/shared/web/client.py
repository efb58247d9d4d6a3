"""How one service calls another."""

import asyncio
from random import uniform
from typing import Any, Final, TypeVar, overload

import httpx
import msgspec

from shared.errors import Unavailable
from shared.observe.spans import SpanKind, span
from shared.observe.trace import current_traceparent
from shared.service import ServiceName
from shared.web.internal_auth import ServiceTokens
from shared.web.internal_errors import raise_internal_error

T = TypeVar("T")
_encoder = msgspec.json.Encoder()
POOL_LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=50)


PAUSE_SECONDS: Final = (0.05, 0.25)
"""Between two tries to connect; spread, so that not everybody comes back at once."""


class InternalClient:
    """Calls one service as another: pooled, with a timeout, its errors raised as ours.

    For `patience` seconds, a service that nobody connects to is tried again: it restarts. Nothing was sent then, so
    that nothing can happen twice.
    """

    def __init__(
        self,
        base_url: str,
        *,
        caller: ServiceName,
        tokens: ServiceTokens,
        timeout: float,
        patience: float = 0.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._patience = patience
        self._http = httpx.AsyncClient(
            base_url=base_url,
            headers={"authorization": tokens.header(caller), "content-type": "application/json"},
            timeout=timeout,
            limits=POOL_LIMITS,
            transport=transport,
            trust_env=False,
        )

    async def start(self) -> None:
        """Nothing to open: connections are made when needed."""

    async def stop(self) -> None:
        """Close the pool."""
        await self._http.aclose()

    @overload
    async def call(self, method: str, path: str, *, body: Any = None, returns: type[T]) -> T: ...

    @overload
    async def call(self, method: str, path: str, *, body: Any = None, returns: None = None) -> None: ...

    async def call(self, method: str, path: str, *, body: Any = None, returns: type[T] | None = None) -> T | None:
        """Send `body` as JSON (bytes go as they are) and read the answer as `returns`.

        Raises what the other service raised, or Unavailable when it does not answer.
        """
        content = await self.fetch(method, path, body=body)
        return None if returns is None else msgspec.json.decode(content, type=returns)

    async def fetch(self, method: str, path: str, *, body: Any = None) -> bytes:
        """As `call`, but the answer's bytes unread."""
        content = body if isinstance(body, bytes) or body is None else _encoder.encode(body)
        try:
            with span(f"{method} {self._http.base_url.host}", SpanKind.CLIENT, url__path=path):
                response = await self._sent(method, path, content)
        except httpx.HTTPError as error:
            raise Unavailable(f"{method} {self._http.base_url}{path}: {error or type(error).__name__}") from error
        if response.is_error:
            raise_internal_error(response.content, response.status_code)
        return response.content

    async def _sent(self, method: str, path: str, content: bytes | None) -> httpx.Response:
        loop = asyncio.get_running_loop()
        give_up = loop.time() + self._patience
        while True:
            try:
                return await self._http.request(method, path, content=content, headers=_trace_headers())
            except httpx.ConnectError:
                if loop.time() >= give_up:
                    raise
            await asyncio.sleep(uniform(*PAUSE_SECONDS))  # noqa: S311 - spreads load, guards nothing


def _trace_headers() -> dict[str, str]:
    traceparent = current_traceparent()
    return {"traceparent": traceparent} if traceparent else {}
