"""Connection pool of one process."""

import asyncio
import ssl
from collections import defaultdict
from functools import cached_property
from typing import Final

import httpx2

from shared.http1.connection import Connection, connect

_PORTS: Final = {"http": 80, "https": 443}

Origin = tuple[str, str, int]
"""Scheme, host and port."""


class ConnectionPool:
    """Opens connections and reuses idle ones, last in, first out. Supports no proxies."""

    def __init__(self, *, keep_seconds: float, max_connections: int) -> None:
        self._keep_seconds = keep_seconds
        self._max_connections = max_connections
        self._slots = asyncio.Semaphore(max_connections)
        self._idle: defaultdict[Origin, list[Connection]] = defaultdict(list)

    async def acquire(self, origin: Origin, *, slot_seconds: float | None, connect_seconds: float | None) -> Connection:
        """Return a connection for one exchange; `release` it afterwards.

        Raises httpx2.PoolTimeout, httpx2.ConnectTimeout, httpx2.ConnectError: nothing was sent then.
        """
        await self._acquire_slot(slot_seconds)
        try:
            return self._pop_idle(origin) or await self._open(origin, connect_seconds)
        except BaseException:
            self._slots.release()
            raise

    def release(self, origin: Origin, connection: Connection) -> None:
        """Return a connection to the pool, if it is reusable."""
        self._slots.release()
        if connection.keep_alive(self._keep_seconds):
            self._idle[origin].append(connection)

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            for connection in self._idle.popitem()[1]:
                connection.close()

    def _pop_idle(self, origin: Origin) -> Connection | None:
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if connection.is_open:
                return connection
        return None

    def _drop_closed(self) -> None:
        """Drop connections that closed while they were idle: many origins are called only once."""
        still_open = {origin: [each for each in idle if each.is_open] for origin, idle in self._idle.items()}
        self._idle = defaultdict(list, {origin: idle for origin, idle in still_open.items() if idle})

    async def _acquire_slot(self, seconds: float | None) -> None:
        if not self._slots.locked():
            await self._slots.acquire()
            return
        try:
            async with asyncio.timeout(seconds):
                await self._slots.acquire()
        except TimeoutError:
            raise httpx2.PoolTimeout(f"All {self._max_connections:,} connections are in use") from None

    async def _open(self, origin: Origin, seconds: float | None) -> Connection:
        self._drop_closed()
        scheme, host, port = origin
        try:
            async with asyncio.timeout(seconds):
                return await connect(host, port, self._tls if scheme == "https" else None)
        except TimeoutError:
            raise httpx2.ConnectTimeout("Connecting to the server timed out") from None
        except OSError as error:
            raise httpx2.ConnectError(str(error)) from error

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        context = httpx2.create_ssl_context()
        context.set_alpn_protocols(["http/1.1"])
        return context


def origin_of(url: httpx2.URL) -> Origin:
    """Return the origin of `url`. Raises httpx2.UnsupportedProtocol."""
    if url.scheme not in _PORTS:
        raise httpx2.UnsupportedProtocol(f"The URL scheme {url.scheme} is not supported: use http or https")
    return url.scheme, url.raw_host.decode("ascii"), url.port or _PORTS[url.scheme]
