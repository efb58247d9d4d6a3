"""HTTP client for calls between services."""

import asyncio
from functools import partial
from typing import Any, Final, TypeVar, overload

import httpx2
import msgspec

from shared.contracts.tickets import TICKET_HEADER
from shared.errors import Forbidden, OutcomeUncertain, Unauthenticated, Unavailable
from shared.observe.logging import get_logger
from shared.observe.spans import SpanKind, span
from shared.observe.trace import current_traceparent
from shared.retries import RetryPolicy, retry
from shared.security.current_ticket import current_ticket
from shared.service import ServiceName
from shared.tracebacks import clear_tracebacks
from shared.web.aiohttp_transport import AiohttpTransport
from shared.web.internal_auth import ServiceTokens
from shared.web.internal_errors import is_starting, raise_internal_error

T = TypeVar("T")
_encoder = msgspec.json.Encoder()
log = get_logger("client")

CONNECT_SECONDS: Final = 5.0
"""Time limit for getting a connection, shorter than that of the call: its timeout proves that nothing was sent."""
NOTHING_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
CHANGES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
NO_ANSWER: Final = "An internal service does not respond"
"""Callers of workflows may read this message, so only the log names the service and its address."""
PAUSE_SECONDS: Final = (0.05, 0.25)
"""Delay between attempts to connect, with jitter, so that callers spread out."""


class InternalClient:
    """Client with which the service `caller` calls another one. Pools connections, and raises Flowport's errors.

    Retries for `retry_seconds` while the other service restarts: it accepts no connections, or responds that it is
    still starting. Either way it has not processed the request, so the retry is safe.
    """

    def __init__(
        self,
        base_url: str,
        *,
        caller: ServiceName,
        tokens: ServiceTokens,
        timeout: float,
        retry_seconds: float = 0.0,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._host = httpx2.URL(base_url).host
        self._headers = {"authorization": tokens.header(caller), "content-type": "application/json"}
        self._timeout = timeout
        self._transport = transport or AiohttpTransport(connect_seconds=min(CONNECT_SECONDS, timeout / 2))
        self._retries = RetryPolicy(delay=PAUSE_SECONDS, seconds=retry_seconds)
        self._longest_seconds = timeout + retry_seconds

    @property
    def longest_seconds(self) -> float:
        """Return the maximum duration of a call."""
        return self._longest_seconds

    async def start(self) -> None:
        """Do nothing: connections open on demand."""

    async def stop(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    @overload
    async def call(self, method: str, path: str, *, body: Any = None, returns: type[T]) -> T: ...

    @overload
    async def call(self, method: str, path: str, *, body: Any = None, returns: None = None) -> None: ...

    async def call(self, method: str, path: str, *, body: Any = None, returns: type[T] | None = None) -> T | None:
        """Send `body` as JSON (bytes unchanged) and decode the response as `returns`.

        Raises the other service's error, Unavailable if it does not respond or rejects the token, and OutcomeUncertain
        if a change may have happened.
        """
        content = await self.fetch(method, path, body=body)
        return None if returns is None else msgspec.json.decode(content, type=returns)

    async def fetch(self, method: str, path: str, *, body: Any = None) -> bytes:
        """Like `call`, but return the response's undecoded bytes."""
        content = body if isinstance(body, bytes) or body is None else _encoder.encode(body)
        try:
            with span(f"{method} {self._host}", SpanKind.CLIENT, url__path=path):
                send = partial(self._send, method, path, content)
                response = await retry(send, self._retries, on=httpx2.ConnectError)
        except (httpx2.HTTPError, TimeoutError) as error:
            clear_tracebacks(error)  # its frames would hold the body until a garbage collection
            call = {"method": method, "url": self._base_url + path, "error": str(error) or type(error).__name__}
            if method in CHANGES and not isinstance(error, NOTHING_SENT):
                log.warning("internal_change_outcome_unknown", **call)
                raise OutcomeUncertain from error
            log.warning("internal_call_failed", **call)
            raise Unavailable(NO_ANSWER) from error
        if not response.is_success:  # redirects included: our services send none
            self._raise(method, path, response)
        return response.content

    def _raise(self, method: str, path: str, response: httpx2.Response) -> None:
        try:
            raise_internal_error(response.content, response.status_code)
        except (Unauthenticated, Forbidden) as error:  # our token was refused; the original caller is authorized
            log.error("internal_token_rejected", method=method, url=self._base_url + path, error=error.message)
            raise Unavailable(NO_ANSWER) from None

    async def _send(self, method: str, path: str, content: bytes | None) -> httpx2.Response:
        headers = self._headers | _context()
        request = httpx2.Request(method, self._base_url + path, headers=headers, content=content)
        async with asyncio.timeout(self._timeout):  # no client around it, which would cost as much as the call
            response = await self._transport.handle_async_request(request)
            await response.aread()
        if response.status_code == httpx2.codes.SERVICE_UNAVAILABLE and is_starting(response.content):
            raise httpx2.ConnectError("the service is still starting")
        return response


def _context() -> dict[str, str]:
    """Return the headers with the current trace, and with the ticket of the run for which the call is made."""
    headers = {"traceparent": current_traceparent(), TICKET_HEADER: current_ticket()}
    return {name: value for name, value in headers.items() if value}
