"""The way out for what workflows call: every connection checked, every wait and size bounded."""

import asyncio
import ssl
from collections.abc import Iterable
from typing import Final

import httpcore
import httpx

from executor_service.net.connections import Connection, Connections
from executor_service.net.decoding import ACCEPTED_ENCODINGS, BodyReader
from executor_service.net.errors import OutboundFailed, OutboundTimeout
from executor_service.net.headers import response_headers, sendable_headers, sendable_method
from executor_service.net.messages import OutboundLimits, OutboundRequest, OutboundResponse
from executor_service.net.policy import OutboundPolicy
from executor_service.net.redirects import Hop, is_redirect, redirected
from executor_service.net.resolver import Resolver, SystemResolver
from executor_service.net.urls import Target, read_target

_HEADER_SLACK: Final = 128 * 1024
_FRAMING: Final = 1.25
_REPEATABLE: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})


class OutboundClient:
    """Makes calls for workflows. One per process; it keeps no cookies and heeds no proxy settings.

    `allow` opens networks and names that are closed to workflows, see OutboundPolicy.
    """

    def __init__(
        self,
        allow: Iterable[str] = (),
        *,
        limits: OutboundLimits | None = None,
        resolver: Resolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._limits = limits or OutboundLimits()
        self._policy = OutboundPolicy(allow)
        self._resolver = resolver or SystemResolver(seconds=self._limits.connect_seconds)
        self._connections = Connections(
            self._policy, self._resolver, ssl_context or httpx.create_ssl_context(), self._limits
        )
        self._slots = asyncio.Semaphore(self._limits.connections)

    async def start(self) -> None:
        """Nothing to open: connections are made when they are needed."""

    async def stop(self) -> None:
        """Close what is not in use."""
        await self._connections.aclose()
        self._resolver.close()

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        """Make a call and follow its redirects. An answer of any status is an answer.

        Raises BlockedAddress, OutboundTimeout, OutboundFailed, ResponseTooLarge.
        """
        if request.body is not None and len(request.body) > self._limits.request_bytes:
            raise OutboundFailed(f"Request body is larger than {self._limits.request_bytes} bytes")
        hop = Hop(
            read_target(request.url),
            sendable_method(request.method),
            sendable_headers(request.headers, self._limits),
            request.body,
        )
        try:
            async with asyncio.timeout(request.timeout_seconds), self._slots:
                return await self._follow(hop, request.workspace_id)
        except TimeoutError:
            raise OutboundTimeout(round(request.timeout_seconds * 1000)) from None

    async def _follow(self, hop: Hop, workspace_id: str) -> OutboundResponse:
        for _ in range(self._limits.redirects + 1):
            response = await self._ask(hop, workspace_id)
            if not is_redirect(response.status, response.headers):
                return response
            hop = redirected(hop, response.status, response.headers["location"])
        raise OutboundFailed(f"More than {self._limits.redirects} redirects")

    async def _ask(self, hop: Hop, workspace_id: str) -> OutboundResponse:
        self._policy.known_addresses(hop.target)
        async with self._connections.to(hop.target, workspace_id) as connection:
            try:
                return await self._exchange(hop, connection)
            except OutboundFailed:
                if not _may_repeat(hop, connection):
                    raise
        async with self._connections.to(hop.target, workspace_id, fresh=True) as connection:
            return await self._exchange(hop, connection)

    async def _exchange(self, hop: Hop, connection: Connection) -> OutboundResponse:
        connection.meter.begin(_HEADER_SLACK)
        try:
            response = await connection.http.handle_async_request(_request(hop, self._limits))
            try:
                return await self._read(hop, response, connection)
            finally:
                await response.aclose()
        except httpcore.ConnectTimeout:
            raise OutboundTimeout(round(self._limits.connect_seconds * 1000)) from None
        except httpcore.TimeoutException:
            raise OutboundTimeout(round(self._limits.idle_seconds * 1000)) from None
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise OutboundFailed(str(error) or type(error).__name__) from error

    async def _read(self, hop: Hop, response: httpcore.Response, connection: Connection) -> OutboundResponse:
        headers = response_headers(response.headers, self._limits)
        reader = BodyReader(headers.get("content-encoding", ""), self._limits.response_bytes)
        if not is_redirect(response.status, headers):
            connection.meter.allow_more(round(self._limits.response_bytes * _FRAMING))
            async for part in response.aiter_stream():
                reader.feed(part)
        reason = response.extensions["reason_phrase"].decode("latin-1")
        return OutboundResponse(response.status, reason, str(hop.target), headers, reader.body())


def _request(hop: Hop, limits: OutboundLimits) -> httpcore.Request:
    headers = {"host": hop.target.authority, "accept-encoding": ACCEPTED_ENCODINGS}
    if hop.target.authorization is not None:
        headers["authorization"] = hop.target.authorization
    headers |= hop.headers
    if hop.body is not None or hop.method in ("POST", "PUT", "PATCH"):
        headers["content-length"] = str(len(hop.body or b""))
    timeouts = {"connect": limits.connect_seconds, "read": limits.idle_seconds, "write": limits.idle_seconds}
    return httpcore.Request(
        hop.method.encode(),
        _url(hop.target),
        headers=[(name.encode(), value.encode()) for name, value in headers.items()],
        content=hop.body,
        extensions={"timeout": timeouts},
    )


def _url(target: Target) -> httpcore.URL:
    return httpcore.URL(
        scheme=target.scheme.encode(), host=str(target.host).encode(), port=target.port, target=target.resource.encode()
    )


def _may_repeat(hop: Hop, connection: Connection) -> bool:
    """A kept connection may have been closed by the server just now."""
    return connection.was_used and connection.meter.received == 0 and hop.method in _REPEATABLE
