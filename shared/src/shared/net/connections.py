"""Pooled connections, each to one checked address."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpcore2

from shared.net.dialer import Dialer
from shared.net.hosts import Host
from shared.net.messages import OutboundLimits
from shared.net.metered_stream import MeteredStream
from shared.net.urls import Target

Key = tuple[str, tuple[str, Host, int]]
"""The workspace and the origin of a connection."""


class Connection(httpcore2.AsyncHTTP11Connection):
    """One HTTP/1.1 connection. `was_used` if reused from another call."""

    def __init__(self, origin: httpcore2.Origin, stream: MeteredStream, keep_seconds: float) -> None:
        super().__init__(origin, stream, keep_seconds)
        self.meter = stream
        self.was_used = False

    @property
    def is_reusable(self) -> bool:
        """Return whether the last exchange ended well, without further input.

        Early input would be read as the answer to the next call.
        """
        said_in_advance, _ = self._h11_state.trailing_data
        return self.is_idle() and not said_in_advance


@dataclass(frozen=True, slots=True)
class _IdleConnection:
    key: Key
    connection: Connection
    since: float


class Connections:
    """Opens connections and pools a bounded number of idle ones, for a bounded time.

    An expired one is closed when another call ends.
    """

    def __init__(self, dialer: Dialer, limits: OutboundLimits) -> None:
        self._dialer = dialer
        self._limits = limits
        self._idle: list[_IdleConnection] = []

    @asynccontextmanager
    async def to(self, target: Target, workspace_id: str, *, fresh: bool = False) -> AsyncIterator[Connection]:
        """Yield an exclusive connection; a pooled one unless it must be `fresh`. Raises as Dialer.dial."""
        key = (workspace_id, target.origin)
        connection = (None if fresh else self._take(key)) or await self._open(target, workspace_id)
        try:
            yield connection
        finally:
            await self._release(key, connection)

    async def aclose(self) -> None:
        """Close the pooled connections."""
        idle, self._idle = self._idle, []
        for unused in idle:
            await unused.connection.aclose()

    def _take(self, key: Key) -> Connection | None:
        for place in reversed(range(len(self._idle))):
            idle = self._idle[place]
            if idle.key == key and not idle.connection.has_expired():
                del self._idle[place]
                return idle.connection
        return None

    async def _open(self, target: Target, workspace_id: str) -> Connection:
        scheme, host, port = target.origin
        stream = MeteredStream(await self._dialer.dial(target, workspace_id))
        return Connection(
            httpcore2.Origin(scheme.encode(), str(host).encode(), port), stream, self._limits.keep_seconds
        )

    async def _release(self, key: Key, connection: Connection) -> None:
        if not connection.is_reusable:
            await connection.aclose()
            return
        connection.was_used = True
        self._idle.append(_IdleConnection(key, connection, asyncio.get_running_loop().time()))
        await self._close_surplus()

    async def _close_surplus(self) -> None:
        oldest = asyncio.get_running_loop().time() - self._limits.keep_seconds
        while self._idle and (len(self._idle) > self._limits.idle_connections or self._idle[0].since < oldest):
            await self._idle.pop(0).connection.aclose()
