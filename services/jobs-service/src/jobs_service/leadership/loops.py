"""Background loops that run at intervals and on wake-up events."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from shared.errors import FlowportError
from shared.observe.logging import get_logger

log = get_logger("loops")

STOP_SECONDS: Final = 5.0
CANCEL_SECONDS: Final = 1.0
STEP_SECONDS: Final = 60.0
FAILURE_SECONDS: Final = 1.0
MAX_REST_SECONDS: Final = 1.0
LATER_SECONDS: Final = 0.1


class WakeUpEvent:
    """Wakes one loop."""

    def __init__(self) -> None:
        self.has_capacity = True
        """Whether the loop has room for new work; its step sets this."""
        self._event = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    def wake(self) -> None:
        """Wake the loop."""
        self._event.set()

    def wake_for_new_work(self) -> None:
        """Wake the loop for new work: now if it has capacity, otherwise shortly, when it may have some."""
        if self.has_capacity:
            self.wake()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LATER_SECONDS, self._wake_later)

    async def wait(self, seconds: float) -> None:
        """Wait for a wake-up event, at most `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()
        self._event.clear()

    def _wake_later(self) -> None:
        self._timer = None
        self.wake()


class Loop:
    """Repeats `step` until stopped. A failed step is logged and retried a second later.

    `gap` is the least time between two steps, so that frequent events do not overload the store; after a step that took
    longer, it equals that step's duration, up to a second.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], Awaitable[None]],
        *,
        every: float,
        wake_up: WakeUpEvent | None = None,
        gap: float = 0.0,
        on_stop: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._name = name
        self._step = step
        self._every = every
        self._gap = gap
        self._wake_up = wake_up or WakeUpEvent()
        self._on_stop = on_stop
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the loop."""
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        """Let the current step end, in bounded time."""
        if self._task is None:
            return
        self._stopping.set()
        self._wake_up.wake()
        _, unfinished = await asyncio.wait({self._task}, timeout=STOP_SECONDS)
        if unfinished:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=CANCEL_SECONDS)
        if self._on_stop is not None:
            await self._run_logged(self._on_stop, STOP_SECONDS)

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        while not self._stopping.is_set():
            began = clock()
            succeeded = await self._run_logged(self._step, STEP_SECONDS)
            rest = min(max(self._gap, clock() - began), MAX_REST_SECONDS) if self._gap else 0.0
            await self._pause(rest if succeeded else FAILURE_SECONDS)
            await self._wake_up.wait(self._every)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _run_logged(self, work: Callable[[], Awaitable[None]], seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await work()
        except FlowportError as error:
            log.warning("loop_step_failed", loop=self._name, reason=str(error))
            return False
        except Exception:
            log.exception("loop_step_failed", loop=self._name)
            return False
        return True
