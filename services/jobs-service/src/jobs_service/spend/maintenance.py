"""Books the costs of ended runs, and deletes expired values."""

from collections.abc import Awaitable, Callable
from typing import Final

from jobs_service.leadership.leader import Leader
from jobs_service.payloads.ports import BlobRepository
from jobs_service.spend.ports import SpendRepository

AT_ONCE: Final = 100
MAX_ROUNDS: Final = 50


class Maintenance:
    """Background bookings and cleanup; active only in the leader."""

    def __init__(self, blobs: BlobRepository, spend: SpendRepository, leader: Leader) -> None:
        self._blobs = blobs
        self._spend = spend
        self._leader = leader

    async def step(self) -> None:
        """Book costs and delete expired values. Raises Unavailable."""
        if await self._leader.term() is not None:
            try:
                await _run_until_done(self._spend.collect)
            finally:  # expired values do not wait for bookings
                await _run_until_done(self._blobs.sweep)

    async def stop(self) -> None:
        """Give up leadership."""
        await self._leader.resign()


async def _run_until_done(step: Callable[[int], Awaitable[int]]) -> None:
    for _ in range(MAX_ROUNDS):
        if await step(AT_ONCE) < AT_ONCE:
            return
