"""Threads that compile workflows, shared between workspaces.

The worst code that fits in a workflow takes a minute to compile, and a caller that disconnects does not stop it.
Without a limit one workspace could occupy all default threads of a process, which others need to read snapshots and to
resolve names.
"""

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from shared.errors import Unavailable

THREADS: Final = 4
RETRY_SECONDS: Final = 5
R = TypeVar("R")


class CompileSlots:
    """Lets each workspace compile one workflow at a time, while up to `most` of its requests compile or wait."""

    def __init__(self, *, most: float = math.inf) -> None:
        self._most = most
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="compile")
        self._in_progress: Counter[str] = Counter()
        self._locks: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def hold(self, workspace_id: str) -> AsyncIterator[None]:
        """Wait for and hold the workspace's compile slot. Raises Unavailable."""
        if self._in_progress[workspace_id] >= self._most:
            raise Unavailable(
                "Too many workflows of this workspace are being checked. Retry in a few seconds",
                retry_after=RETRY_SECONDS,
            )
        self._in_progress[workspace_id] += 1
        try:
            async with self._locks.setdefault(workspace_id, asyncio.Lock()):
                yield
        finally:
            self._in_progress[workspace_id] -= 1
            if not self._in_progress[workspace_id]:
                del self._in_progress[workspace_id], self._locks[workspace_id]

    async def run(self, work: Callable[[], R]) -> R:
        """Run `work` in a thread and return its result; the caller holds the slot."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
