"""The clients of one provider, where each key or server has its own."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

C = TypeVar("C")
MAX_CLIENTS: Final = 64


class Clients(Generic[C]):
    """Makes a client when it is first asked for, and lets go the one that was not used for longest."""

    def __init__(self, make: Callable[[str], C], close: Callable[[C], Awaitable[None]]) -> None:
        self._make = make
        self._close = close
        self._clients: OrderedDict[str, C] = OrderedDict()

    def of(self, name: str) -> C:
        """The client of this key or server. Raises what making it raises."""
        client = self._clients.get(name)
        if client is None:
            client = self._clients[name] = self._make(name)
            if len(self._clients) > MAX_CLIENTS:
                self._clients.popitem(last=False)
        self._clients.move_to_end(name)
        return client

    async def stop(self) -> None:
        """Close every one."""
        while self._clients:
            await self._close(self._clients.popitem()[1])
