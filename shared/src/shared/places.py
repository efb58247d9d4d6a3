"""Places for work that all workspaces share: so many in all, and half of them at most for one workspace."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Places:
    """Whoever waits behind others of his workspace stands in nobody else's way."""

    def __init__(self, number: int) -> None:
        self._all = asyncio.Semaphore(number)
        self._share = max(1, number // 2)
        self._shares: dict[str, _Share] = {}

    @asynccontextmanager
    async def of(self, workspace_id: str) -> AsyncIterator[None]:
        """A place of this workspace, for as long as inside."""
        share = self._shares.setdefault(workspace_id, _Share(self._share))
        share.users += 1
        try:
            async with share.places, self._all:
                yield
        finally:
            share.users -= 1
            if not share.users:
                del self._shares[workspace_id]


class _Share:
    """One workspace's places, and how many have or want one."""

    def __init__(self, number: int) -> None:
        self.places = asyncio.Semaphore(number)
        self.users = 0
