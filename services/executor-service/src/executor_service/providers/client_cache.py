"""Clients of one provider, by key or server."""

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
C = TypeVar("C")
MAX_CLIENTS: Final = 64


class ClientCache(Generic[K, C]):
    """Creates clients on first use, and closes the least recently used when full.

    A client in use stays open, however many there are.
    """

    def __init__(self, make: Callable[[K], C], close: Callable[[C], Awaitable[None]]) -> None:
        self._make = make
        self._close = close
        self._clients: dict[K, _Entry[C]] = {}

    @asynccontextmanager
    async def of(self, key: K) -> AsyncIterator[C]:
        """Return the client of this key or server, open within the context. Raises creation errors."""
        entry = self._clients.pop(key, None) or _Entry(self._make(key))
        self._clients[key] = entry  # most recently used last
        entry.users += 1
        try:
            yield entry.client
        finally:
            entry.users -= 1
            await self._close_surplus()

    async def stop(self) -> None:
        """Close all clients."""
        while self._clients:
            await self._close(self._clients.popitem()[1].client)

    async def _close_surplus(self) -> None:
        surplus = len(self._clients) - MAX_CLIENTS
        if surplus > 0:
            idle = [key for key, entry in self._clients.items() if not entry.users]
            for entry in [self._clients.pop(key) for key in idle[:surplus]]:
                await self._close(entry.client)


class _Entry(Generic[C]):
    """A client, and its number of active calls."""

    def __init__(self, client: C) -> None:
        self.client = client
        self.users = 0
