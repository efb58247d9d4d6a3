"""Gate that lets few scripts compute at once, so that a few processes serve many short scripts."""

import asyncio
import os

from executor_service.sandbox.fair_queue import FairQueue

_SLOT_SECONDS = 0.02


class StartLimiter:
    """Bound on scripts that have just started, in round-robin order of their workspaces.

    A process that served the last script a moment ago has its memory in the processor's caches, and two computing
    scripts share a processor anyway. A script leaves when it answers or fetches, or after 20 ms: it may wait for long.
    """

    def __init__(self, width: int = 2 * (os.cpu_count() or 1)) -> None:
        self._free = width
        self._queue: FairQueue[None] = FairQueue(lambda *_: self._release())

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
    """A script's time in the gate."""

    def __init__(self, limiter: StartLimiter) -> None:
        self._start_limiter: StartLimiter | None = limiter
        self._end = asyncio.get_running_loop().call_later(_SLOT_SECONDS, self.release)

    def release(self) -> None:
        """Admit the next script; idempotent."""
        if self._start_limiter:
            limiter, self._start_limiter = self._start_limiter, None
            self._end.cancel()
            limiter._release()
