"""Connections, each to one checked address for as long as it lives, kept a moment for the next call."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpcore2

from executor_service.net.backend import GuardedBackend, WayOut
from executor_service.net.hosts import Host
from executor_service.net.messages import OutboundLimits
from executor_service.net.metering import Meter
from executor_service.net.urls import Target

Key = tuple[str, tuple[str, Host, int]]
"""Whose connection it is (a workspace), and the origin that it goes to."""


class Connection:
    """One HTTP/1.1 connection."""

    def __init__(self, http: httpcore2.AsyncHTTPConnection, backend: GuardedBackend, meter: Meter) -> None:
        self.http = http
        self.meter = meter
        self.was_used = False
        self._backend = backend

    @property
    def is_reusable(self) -> bool:
        """Whether the last exchange ended well. A connection that never came about says that it is idle, too."""
        return self.http.is_idle() and not self.http.is_closed()

    async def aclose(self) -> None:
        """Let go of it, whatever state it is in."""
        try:
            await self.http.aclose()
        finally:
            await self._backend.aclose()


@dataclass(frozen=True, slots=True)
class _Kept:
    key: Key
    connection: Connection
    since: float


class Connections:
    """Opens connections and keeps the unused ones, a bounded number for a bounded time."""

    def __init__(self, way: WayOut, ssl_context: ssl.SSLContext, limits: OutboundLimits) -> None:
        self._way = way
        self._ssl_context = ssl_context
        self._limits = limits
        self._kept: list[_Kept] = []

    @asynccontextmanager
    async def to(self, target: Target, workspace_id: str, *, fresh: bool = False) -> AsyncIterator[Connection]:
        """A connection that nobody else uses meanwhile; a kept one unless it must be `fresh`."""
        key = (workspace_id, target.origin)
        connection = (None if fresh else self._take(key)) or self._open(target)
        try:
            yield connection
        finally:
            await self._give_back(key, connection)

    async def aclose(self) -> None:
        """Close what is kept."""
        kept, self._kept = self._kept, []
        for unused in kept:
            await unused.connection.aclose()

    def _take(self, key: Key) -> Connection | None:
        for place in reversed(range(len(self._kept))):
            kept = self._kept[place]
            if kept.key == key and not kept.connection.http.has_expired():
                del self._kept[place]
                return kept.connection
        return None

    def _open(self, target: Target) -> Connection:
        meter = Meter()
        backend = GuardedBackend(target, self._way, meter)
        http = httpcore2.AsyncHTTPConnection(
            httpcore2.Origin(target.scheme.encode(), str(target.host).encode(), target.port),
            ssl_context=self._ssl_context,
            keepalive_expiry=self._limits.keep_seconds,
            network_backend=backend,
        )
        return Connection(http, backend, meter)

    async def _give_back(self, key: Key, connection: Connection) -> None:
        if not connection.is_reusable:
            await connection.aclose()
            return
        connection.was_used = True
        self._kept.append(_Kept(key, connection, asyncio.get_running_loop().time()))
        await self._close_surplus()

    async def _close_surplus(self) -> None:
        oldest = asyncio.get_running_loop().time() - self._limits.keep_seconds
        while self._kept and (len(self._kept) > self._limits.kept_connections or self._kept[0].since < oldest):
            await self._kept.pop(0).connection.aclose()
