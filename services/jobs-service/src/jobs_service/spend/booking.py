"""Books what ended runs spent, and clears away values that have had their time."""

from collections.abc import Awaitable, Callable
from typing import Final

from jobs_service.leadership.leader import Leader
from jobs_service.payloads.ports import Blobs
from jobs_service.spend.ports import SpendBook

AT_ONCE: Final = 100
MAX_ROUNDS: Final = 50


class Housekeeping:
    """Nobody waits for it. Only the one that leads does anything."""

    def __init__(self, blobs: Blobs, spend: SpendBook, leader: Leader) -> None:
        self._blobs = blobs
        self._spend = spend
        self._leader = leader

    async def step(self) -> None:
        """Do what there is to do. Raises Unavailable."""
        if await self._leader.term() is not None:
            try:
                await _through(self._spend.collect)
            finally:  # what is kept too long waits for no books
                await _through(self._blobs.sweep)

    async def stop(self) -> None:
        """Let another process lead."""
        await self._leader.leave()


async def _through(some: Callable[[int], Awaitable[int]]) -> None:
    for _ in range(MAX_ROUNDS):
        if await some(AT_ONCE) < AT_ONCE:
            return
