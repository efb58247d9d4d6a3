"""Outbound client for workflows: checks every connection, limits every wait and size."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Final

import httpcore2

from shared.concurrency_slots import ConcurrencySlots
from shared.net.body_reader import ACCEPTED_ENCODINGS, BodyReader
from shared.net.connections import Connection, Connections
from shared.net.dialer import Dialer
from shared.net.errors import OutboundFailed, OutboundTimeout
from shared.net.headers import response_headers, sendable_headers, sendable_method
from shared.net.messages import OutboundLimits, OutboundRequest, OutboundResponse
from shared.net.policy import OutboundPolicy
from shared.net.redirects import Hop, is_redirect, make_hop, next_hop
from shared.net.resolver import Resolver, SystemResolver
from shared.net.server_backend import SingleServerBackend
from shared.net.urls import read_target
from shared.tracebacks import clear_tracebacks

_HEADERS_ON_THE_WIRE: Final = 128 * 1024
_FRAMING: Final = 1.25
"""Maximum ratio of a body's wire size to its size, for chunk sizes and the like."""
_HAS_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_SWITCHING: Final = 101


@contextmanager
def translated_errors(limits: OutboundLimits) -> Iterator[None]:
    """Translate network errors to outbound errors. Raises OutboundTimeout, OutboundFailed."""
    try:
        yield
    except httpcore2.ConnectTimeout as error:
        clear_tracebacks(error)
        raise OutboundTimeout(round(limits.connect_seconds * 1000)) from None
    except httpcore2.TimeoutException as error:
        clear_tracebacks(error)
        raise OutboundTimeout(round(limits.idle_seconds * 1000)) from None
    except (httpcore2.NetworkError, httpcore2.ProtocolError, ssl.SSLError) as error:
        clear_tracebacks(error)
        raise OutboundFailed(str(error) or type(error).__name__) from error


async def exchange(hop: Hop, connection: Connection, limits: OutboundLimits) -> OutboundResponse:
    """Send the request and read the response. Raises OutboundFailed, ResponseTooLarge, and the errors of httpcore2."""
    connection.meter.begin(_HEADERS_ON_THE_WIRE)
    async with _response_to(hop, connection, limits) as response:
        headers = response_headers(response.headers, limits)
        reader = BodyReader(headers.get("content-encoding", ""), limits.response_bytes)
        connection.meter.allow_more(round(limits.response_bytes * _FRAMING))
        async with aclosing(response.aiter_stream()) as parts:
            async for part in parts:
                reader.feed(part)
        reason = response.extensions["reason_phrase"].decode("latin-1")
        return OutboundResponse(response.status, reason, str(hop.target), headers, reader.body())


@asynccontextmanager
async def _response_to(hop: Hop, connection: Connection, limits: OutboundLimits) -> AsyncIterator[httpcore2.Response]:
    response = await connection.handle_async_request(_request(hop, limits))
    try:
        if response.status == _SWITCHING:
            raise OutboundFailed("The server switched to another protocol, which is not supported")
        yield response
    finally:
        await response.aclose()


def _request(hop: Hop, limits: OutboundLimits) -> httpcore2.Request:
    scheme, host, port = hop.target.origin
    resource = hop.target.resource.encode()
    headers = {"host": hop.target.authority, "accept-encoding": ACCEPTED_ENCODINGS, **hop.headers}
    if hop.body is not None or hop.method in _HAS_BODY:
        headers["content-length"] = str(len(hop.body or b""))
    return httpcore2.Request(
        hop.method.encode(),
        httpcore2.URL(scheme=scheme.encode(), host=str(host).encode(), port=port, target=resource),
        headers=[(name.encode(), value.encode()) for name, value in headers.items()],
        content=hop.body,
        extensions={"timeout": {"read": limits.idle_seconds, "write": limits.idle_seconds}},
    )


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

    def network_to(self, url: str, workspace_id: str) -> httpcore2.AsyncNetworkBackend:
        """Return a network backend restricted to the server of `url`, for libraries with their own HTTP client.

        Its lookups of names count towards the workspace's quota. Raises BlockedAddress, now or when a connection is
        opened.
        """
        target = read_target(url)
        self._policy.check(target)
        return SingleServerBackend(self._dialer, target, self._limits.response_bytes, workspace_id)

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
