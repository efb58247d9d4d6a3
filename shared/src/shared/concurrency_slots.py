"""Concurrency slots shared by all workspaces, of which one workspace may hold half."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class ConcurrencySlots:
    """Slots, where a workspace's waiting work never blocks other workspaces."""

    def __init__(self, number: int) -> None:
        self._all = asyncio.Semaphore(number)
        self._share = max(1, number // 2)
        self._shares: dict[str, _Share] = {}

    @asynccontextmanager
    async def hold(self, workspace_id: str) -> AsyncIterator[None]:
        """Hold a slot of this workspace inside the block."""
        share = self._shares.setdefault(workspace_id, _Share(self._share))
        share.users += 1
        try:
            async with share.slots, self._all:
                yield
        finally:
            share.users -= 1
            if not share.users:
                del self._shares[workspace_id]


class _Share:
    """One workspace's slots, with the count of holders and waiters."""

    def __init__(self, number: int) -> None:
        self.slots = asyncio.Semaphore(number)
        self.users = 0
