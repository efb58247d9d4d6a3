"""Resolve host names to addresses."""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

from shared.concurrency_slots import ConcurrencySlots
from shared.net.errors import OutboundFailed
from shared.net.hosts import Address

_THREADS: Final = 32
_MOST_WAITING: Final = 256
_Query = tuple[str, str]
"""Workspace and name."""


class Resolver(Protocol):
    """Resolves names, without checking the addresses."""

    async def resolve(self, name: str, asker: str = "") -> Sequence[Address]:
        """Return at least one address, best first, for this workspace. Raises OutboundFailed."""

    def close(self) -> None:
        """Release the resolver's resources."""


class SystemResolver:
    """Resolves in separate threads with the machine's configuration (hosts file, DNS).

    A slow name server thus holds few threads. Concurrent lookups of one name by one workspace share a query. A
    workspace has at most half of the threads; each is occupied until there is an answer, even if no caller still waits.
    """

    def __init__(self, *, seconds: float = 10.0) -> None:
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="resolve")
        self._slots = ConcurrencySlots(_THREADS)
        self._queries: dict[_Query, asyncio.Task[list[Address]]] = {}

    async def resolve(self, name: str, asker: str = "") -> Sequence[Address]:
        try:
            async with asyncio.timeout(self._seconds):
                addresses = await asyncio.shield(self._query_task((asker, name)))
        except (OSError, UnicodeError) as error:
            raise OutboundFailed("url hostname could not be resolved") from error
        if not addresses:
            raise OutboundFailed("url hostname could not be resolved")
        return addresses

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _query_task(self, question: _Query) -> asyncio.Task[list[Address]]:
        if question not in self._queries:
            of_same = sum(asker == question[0] for asker, _ in self._queries)
            if len(self._queries) >= _MOST_WAITING or of_same >= _MOST_WAITING // 2:
                raise OutboundFailed("too many host names are being resolved; retry later")
            task = self._queries[question] = asyncio.create_task(self._resolve(*question))
            task.add_done_callback(lambda answered: self._forget(question, answered))
        return self._queries[question]

    async def _resolve(self, asker: str, name: str) -> list[Address]:
        async with self._slots.hold(asker):
            return await asyncio.get_running_loop().run_in_executor(self._threads, _look_up, name)

    def _forget(self, question: _Query, answered: asyncio.Task[list[Address]]) -> None:
        del self._queries[question]
        if not answered.cancelled():
            answered.exception()  # the callers may have been cancelled: asyncio would log the unread error


def _look_up(name: str) -> list[Address]:
    entries = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    texts = dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in entries)
    return [ipaddress.ip_address(text) for text in texts]
