"""Background loops: run at intervals, and at once on a wake-up event."""

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
MOST_REST_SECONDS: Final = 1.0
LATER_SECONDS: Final = 0.1


class Bell:
    """Wakes one loop."""

    def __init__(self) -> None:
        self.has_room = True
        """Whether the loop has room for new work; its step sets this."""
        self._rung = asyncio.Event()
        self._later: asyncio.TimerHandle | None = None

    def ring(self) -> None:
        """Wake the loop."""
        self._rung.set()

    def announce(self) -> None:
        """Announce new work; wake the loop if it still has no room a moment later, as room may have become free."""
        if self.has_room:
            self.ring()
        elif self._later is None:
            self._later = asyncio.get_running_loop().call_later(LATER_SECONDS, self._ring_late)

    async def wait(self, seconds: float) -> None:
        """Wait for a wake-up event, at most `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        self._rung.clear()

    def _ring_late(self) -> None:
        self._later = None
        self.ring()


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
        bell: Bell | None = None,
        gap: float = 0.0,
        on_stop: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._name = name
        self._step = step
        self._every = every
        self._gap = gap
        self._bell = bell or Bell()
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
        self._bell.ring()
        _, unfinished = await asyncio.wait({self._task}, timeout=STOP_SECONDS)
        if unfinished:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=CANCEL_SECONDS)
        if self._on_stop is not None:
            await self._quietly(self._on_stop, STOP_SECONDS)

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        while not self._stopping.is_set():
            began = clock()
            succeeded = await self._quietly(self._step, STEP_SECONDS)
            rest = min(max(self._gap, clock() - began), MOST_REST_SECONDS) if self._gap else 0.0
            await self._pause(rest if succeeded else FAILURE_SECONDS)
            await self._bell.wait(self._every)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _quietly(self, work: Callable[[], Awaitable[None]], seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await work()
        except FlowportError as error:
            log.warning("a step failed", loop=self._name, reason=str(error))
            return False
        except Exception:
            log.exception("a step failed", loop=self._name)
            return False
        return True
