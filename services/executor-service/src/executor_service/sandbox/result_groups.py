"""Groups the results of scripts while others wait to start, so that the runs that continue share messages."""

import asyncio

from executor_service.sandbox.start_limiter import StartLimiter

_HOLD_SECONDS = 0.02
_MAX_RESULTS = 16


class ResultGroups:
    """Holds back results of scripts while more scripts of the workspace wait to start, and releases them as a group.

    Runs that continue in one event-loop turn share their messages, which saves turns in all services. No result
    is held for longer than `hold_seconds`, and no group has more than `max_results`.
    """

    def __init__(
        self, limiter: StartLimiter, *, hold_seconds: float = _HOLD_SECONDS, max_results: int = _MAX_RESULTS
    ) -> None:
        self._limiter = limiter
        self._hold_seconds = hold_seconds
        self._max_results = max_results
        self._group = asyncio.Event()
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None

    async def join(self, workspace: str) -> None:
        """Return once the group of this result is complete. Results keep their order."""
        is_held = self._limiter.has_waiting(workspace)
        if not is_held and not self._count:
            return
        self._count += 1
        if is_held and self._count < self._max_results:
            self._timer = self._timer or asyncio.get_running_loop().call_later(self._hold_seconds, self._deliver)
            await self._group.wait()
        else:
            self._deliver()
            await asyncio.sleep(0)  # lets the earlier results continue first

    def _deliver(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._group.set()
        self._group, self._count = asyncio.Event(), 0
