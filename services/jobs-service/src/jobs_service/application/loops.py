"""Work that goes on by itself: at intervals, and at once when the bell rings."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from shared.observe.logging import get_logger

log = get_logger("loops")

STOP_SECONDS: Final = 5.0
STEP_SECONDS: Final = 60.0
FAILURE_SECONDS: Final = 1.0


class Bell:
    """Wakes one loop."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """There is something to do."""
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        """Until it rings, at most `seconds`."""
        try:
            await asyncio.wait_for(self._rung.wait(), seconds)
        except TimeoutError:
            return
        finally:
            self._rung.clear()


class Loop:
    """Does `step` again and again until it is stopped. A step that fails is logged, and tried again a second later.

    `gap` is the least time between two steps, so that a busy bell does not keep the store busy with asking.
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
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        """End, in bounded time."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait({self._task}, timeout=STOP_SECONDS)
        if self._on_stop is not None:
            await self._quietly(self._on_stop, STOP_SECONDS)

    async def _run(self) -> None:
        while True:
            succeeded = await self._quietly(self._step, STEP_SECONDS)
            await asyncio.sleep(self._gap if succeeded else FAILURE_SECONDS)
            await self._bell.wait(self._every)

    async def _quietly(self, work: Callable[[], Awaitable[None]], seconds: float) -> bool:
        try:
            await asyncio.wait_for(work(), seconds)
        except Exception:
            log.exception("a step failed", loop=self._name)
            return False
        return True
