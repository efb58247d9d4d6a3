"""Warm pool of processes that have run no code yet."""

import asyncio
from collections import deque

from executor_service.sandbox.child import Child
from executor_service.sandbox.fair_queue import Line
from executor_service.sandbox.model import PoolSize, SandboxUnavailable
from executor_service.sandbox.process_spawner import Engine, Nursery
from shared.observe.logging import get_logger

log = get_logger("sandbox")
# Scripts that communicate need the processor first: by then their messages are sent, and most runs have ended.
REST_SECONDS = 0.01
NOT_RUNNING = "The sandbox is not running"


class Supply:
    """Keeps some processes ready and starts a few at a time. Each is handed out once."""

    def __init__(self, engine: Engine, size: PoolSize, *, max_frame: int) -> None:
        self._engine = engine
        self._size = size
        self._max_frame = max_frame
        self._ready: deque[Child] = deque()
        self._line: Line[Child] = Line(lambda _, child: self._provide(child))
        self._warming: set[asyncio.Task[None]] = set()
        self._nursery: Nursery | None = None
        self._starting = asyncio.Lock()
        self._open = False
        self._later: asyncio.TimerHandle | None = None

    @property
    def layers(self) -> tuple[str, ...]:
        """Return the layers that confine the processes."""
        return self._nursery.layers if self._nursery else ()

    async def start(self) -> None:
        """Start the zygote and warm the first process. Raises SandboxUnavailable if this host cannot confine it."""
        self._open = True
        try:
            self._ready.append(await self._spawn())
        except SandboxUnavailable:
            await self.stop()
            raise
        self._replenish()

    async def stop(self) -> None:
        """End the zygote and all its processes."""
        self._open = False
        for task in self._warming:
            task.cancel()
        await asyncio.gather(*self._warming, return_exceptions=True)
        self._line.dismiss(SandboxUnavailable(NOT_RUNNING))
        for child in self._ready:
            child.kill()
        self._ready.clear()
        if self._nursery:
            await self._nursery.stop()
            self._nursery = None

    async def take(self, workspace: str) -> Child:
        """Return a ready process, or wait for one: workspaces take turns. Raises SandboxUnavailable."""
        while self._ready:
            child = self._ready.popleft()
            if child.usable:
                self._later = self._later or asyncio.get_running_loop().call_later(REST_SECONDS, self._replenish)
                return child
            child.kill()
        return await self._next_warmed(workspace)

    async def _next_warmed(self, workspace: str) -> Child:
        if not self._open:
            raise SandboxUnavailable(NOT_RUNNING)
        warmed = self._line.wait(workspace)
        self._replenish()
        return await warmed

    def _provide(self, child: Child) -> None:
        if waiter := self._line.next():
            waiter.granted.set_result(child)
        else:
            self._ready.append(child)

    def _replenish(self) -> None:
        if self._later:
            self._later.cancel()
            self._later = None
        missing = self._size.spare + len(self._line) - len(self._ready) - len(self._warming)
        for _ in range(min(missing, self._size.warming - len(self._warming))):
            if not self._open:
                return
            task = asyncio.create_task(self._warm())
            self._warming.add(task)
            task.add_done_callback(self._end_warming)

    def _end_warming(self, task: "asyncio.Task[None]") -> None:
        self._warming.discard(task)
        if len(self._line):  # they arrived when this task had failed but still counted
            self._replenish()

    async def _warm(self) -> None:
        try:
            child = await self._spawn()
        except SandboxUnavailable as error:
            log.warning("a sandbox process was not warmed", reason=str(error))
            self._line.dismiss(error)
            return
        self._provide(child)
        asyncio.get_running_loop().call_soon(self._replenish)

    async def _spawn(self) -> Child:
        return await Child.spawn(await self._living_nursery(), self._max_frame)

    async def _living_nursery(self) -> Nursery:
        if not self._open:
            raise SandboxUnavailable(NOT_RUNNING)
        async with self._starting:
            if self._nursery is None or not self._nursery.alive:
                if self._nursery:
                    await self._nursery.stop()
                self._nursery = await Nursery.start(self._engine)
            return self._nursery
