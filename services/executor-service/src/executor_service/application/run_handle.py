"""Handle for stopping a run that may not have started yet."""

import asyncio
from collections.abc import Callable, Container, Coroutine
from typing import Any, TypeVar

from shared.on_exit import OnExit
from shared.tasks import start_task

T = TypeVar("T")


class RunStopped(Exception):
    """The run was canceled, or its time is up, before it was prepared."""


class RunHandle:
    """Forwards a cancel to the run's current task, or to its next one."""

    def __init__(
        self, follow: Callable[[str], None] | None = None, *, cancel_reasons: Container[str] | None = None
    ) -> None:
        """`follow` receives the addresses of further followers.

        `cancel_reasons`: the reasons for which the run stops; all by default.
        """
        self._follow = follow
        self._cancel_reasons = cancel_reasons
        self._stop: Callable[[], object] | None = None
        self._reason: str | None = None

    @property
    def cancel_reason(self) -> str | None:
        """Return why the run was canceled; None if it was not."""
        return self._reason

    def cancel(self, reason: str) -> None:
        """Stop the run within a second."""
        if self._cancel_reasons is not None and reason not in self._cancel_reasons:
            return
        self._reason = self._reason or reason
        if self._stop is not None:
            self._stop()

    def follow(self, address: str) -> None:
        """Add a follower of the run's events."""
        if self._follow is not None:
            self._follow(address)

    def forward_cancels(self, stop: Callable[[], object]) -> OnExit:
        """Call `stop` on a cancel until the block ends, or immediately if already canceled."""
        self._stop = stop
        if self._reason is not None:
            stop()
        return OnExit(self._keep_cancels)

    async def run_until_stopped(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        """Return the result of `work`. Raises RunStopped on a cancel, and after `seconds`."""
        task = start_task(work)
        try:
            # Work that never waits needs no timer, which costs several times as much as the task.
            return task.result() if task.done() else await self._wait(task, seconds)
        finally:
            del task  # the traceback of its error refers to this frame

    async def _wait(self, task: asyncio.Task[T], seconds: float) -> T:
        limit = asyncio.timeout(seconds)

        def stop() -> None:
            if not limit.expired():  # then it is being stopped
                limit.reschedule(0.0)

        try:
            async with limit:
                with self.forward_cancels(stop):
                    return await task
        except TimeoutError:
            if limit.expired():
                raise RunStopped from None
            raise
        finally:
            del task

    def _keep_cancels(self) -> None:
        self._stop = None
