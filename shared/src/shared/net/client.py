"""Outbound client for workflows: checks every connection, limits every wait and size."""

import asyncio
import ssl
from collections.abc import Iterable
from typing import Final

import httpcore2

from shared.concurrency_slots import ConcurrencySlots
from shared.net.connections import Connection, Connections
from shared.net.dialer import Dialer
from shared.net.errors import OutboundFailed, OutboundTimeout
from shared.net.exchange import exchange, translated_errors
from shared.net.headers import sendable_headers, sendable_method
from shared.net.messages import OutboundLimits, OutboundRequest, OutboundResponse
from shared.net.policy import OutboundPolicy
from shared.net.redirects import Hop, is_redirect, make_hop, next_hop
from shared.net.resolver import Resolver, SystemResolver
from shared.net.server_backend import SingleServerBackend
from shared.net.urls import read_target

_REPEATABLE: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})


class OutboundClient:
    """Sends workflows' HTTP calls. One per process; stores no cookies and ignores proxy settings.

    `allow` lists networks and names opened to workflows, see OutboundPolicy.
    """

    def __init__(
        self,
        allow: Iterable[str] = (),
        *,
        limits: OutboundLimits | None = None,
        resolver: Resolver | None = None,
        network: httpcore2.AsyncNetworkBackend | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._limits = limits or OutboundLimits()
        self._policy = OutboundPolicy(allow)
        self._resolver = resolver or SystemResolver(seconds=self._limits.connect_seconds)
        dialer = Dialer(
            self._policy,
            self._resolver,
            network or httpcore2.AnyIOBackend(),
            ssl_context or httpcore2.default_ssl_context(),
            self._limits.connect_seconds,
        )
        self._dialer = dialer
        self._connections = Connections(dialer, self._limits)
        self._slots = ConcurrencySlots(self._limits.connections)

    async def start(self) -> None:
        """Do nothing: connections open on demand."""

    async def stop(self) -> None:
        """Close idle connections."""
        await self._connections.aclose()
        self._resolver.close()

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        """Send a request and follow its redirects. Any status is a valid response.

        Raises BlockedAddress, OutboundTimeout, OutboundFailed, ResponseTooLarge.
        """
        hop = self._first_hop(request)
        try:
            async with asyncio.timeout(request.timeout_seconds), self._slots.hold(request.workspace_id):
                return await self._follow(hop, request)
        except TimeoutError:
            raise OutboundTimeout(round(request.timeout_seconds * 1000)) from None

    def network_to(self, url: str) -> httpcore2.AsyncNetworkBackend:
        """Return a network backend restricted to the server of `url`, for libraries with their own HTTP client.

        Raises BlockedAddress, now or when a connection is opened.
        """
        target = read_target(url)
        self._policy.check(target)
        return SingleServerBackend(self._dialer, target, self._limits.response_bytes)

    def _first_hop(self, request: OutboundRequest) -> Hop:
        if request.body is not None and len(request.body) > self._limits.request_bytes:
            raise OutboundFailed(f"Request body is larger than {self._limits.request_bytes} bytes")
        target = read_target(request.url)
        headers = sendable_headers(request.headers, self._limits)
        return make_hop(target, sendable_method(request.method), headers, request.body)

    async def _follow(self, hop: Hop, request: OutboundRequest) -> OutboundResponse:
        for _ in range(self._limits.redirects + 1):
            response = await self._send_hop(hop, request.workspace_id)
            if not is_redirect(response.status, response.headers):
                return response
            following = next_hop(hop, response.status, response.headers["location"])
            if request.keeps_method and following.method != hop.method:
                return response
            hop = following
        raise OutboundFailed(f"More than {self._limits.redirects} redirects")

    async def _send_hop(self, hop: Hop, workspace_id: str) -> OutboundResponse:
        self._policy.check(hop.target)
        with translated_errors(self._limits):
            async with self._connections.to(hop.target, workspace_id) as connection:
                try:
                    return await exchange(hop, connection, self._limits)
                except (httpcore2.NetworkError, httpcore2.ProtocolError):
                    if not _was_closed_before(hop, connection):
                        raise
            async with self._connections.to(hop.target, workspace_id, fresh=True) as connection:
                return await exchange(hop, connection, self._limits)


def _was_closed_before(hop: Hop, connection: Connection) -> bool:
    """Return whether the server may just have closed a reused connection, so that a retry is safe."""
    return connection.was_used and connection.meter.received == 0 and hop.method in _REPEATABLE
