"""Limits how many scripts compute concurrently, so that a few processes serve many short scripts."""

import asyncio
import os

from executor_service.sandbox.fair_queue import FairQueue

_SLOT_SECONDS = 0.02


class StartLimiter:
    """Limit on scripts that have just started, in round-robin order of their workspaces.

    The memory of a recently used process is still in the processor caches, and concurrent scripts would only share the
    processors. A script releases its slot when it answers or fetches, or after 20 ms, since it may wait for long.
    """

    def __init__(self, width: int = 2 * (os.cpu_count() or 1)) -> None:
        self._free = width
        self._queue: FairQueue[None] = FairQueue(lambda *_: self._release())

    def has_waiting(self, workspace: str) -> bool:
        """Return whether a script of this workspace waits for its turn."""
        return self._queue.waiting(workspace) > 0

    async def acquire(self, workspace: str) -> "StartSlot":
        """Wait for this workspace's turn."""
        if self._free:
            self._free -= 1
        else:
            await self._queue.wait(workspace)
        return StartSlot(self)

    def _release(self) -> None:
        if waiter := self._queue.next():
            waiter.granted.set_result(None)
        else:
            self._free += 1


class StartSlot:
    """A script's slot among those that compute."""

    def __init__(self, limiter: StartLimiter) -> None:
        self._start_limiter: StartLimiter | None = limiter
        self._end = asyncio.get_running_loop().call_later(_SLOT_SECONDS, self.release)

    def release(self) -> None:
        """Admit the next script; idempotent."""
        if self._start_limiter:
            limiter, self._start_limiter = self._start_limiter, None
            self._end.cancel()
            limiter._release()
