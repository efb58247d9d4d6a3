"""Clients of one provider, by key or server."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, Generic, TypeVar

C = TypeVar("C")
MAX_CLIENTS: Final = 64


class Clients(Generic[C]):
    """Creates clients on first use, and closes the least recently used when full.

    A client in use stays open, however many there are.
    """

    def __init__(self, make: Callable[[str], C], close: Callable[[C], Awaitable[None]]) -> None:
        self._make = make
        self._close = close
        self._clients: dict[str, _Kept[C]] = {}

    @asynccontextmanager
    async def of(self, name: str) -> AsyncIterator[C]:
        """Return the client of this key or server, open within the context. Raises creation errors."""
        kept = self._clients.pop(name, None) or _Kept(self._make(name))
        self._clients[name] = kept  # most recently used last
        kept.users += 1
        try:
            yield kept.client
        finally:
            kept.users -= 1
            await self._close_surplus()

    async def stop(self) -> None:
        """Close all clients."""
        while self._clients:
            await self._close(self._clients.popitem()[1].client)

    async def _close_surplus(self) -> None:
        surplus = len(self._clients) - MAX_CLIENTS
        if surplus > 0:
            idle = [name for name, kept in self._clients.items() if not kept.users]
            for kept in [self._clients.pop(name) for name in idle[:surplus]]:
                await self._close(kept.client)


class _Kept(Generic[C]):
    """A client, and its number of active calls."""

    def __init__(self, client: C) -> None:
        self.client = client
        self.users = 0
