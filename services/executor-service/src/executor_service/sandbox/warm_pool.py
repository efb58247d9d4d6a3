"""Warm pool of processes that have run no code yet."""

import asyncio
from collections import deque

from executor_service.sandbox.child import Child
from executor_service.sandbox.fair_queue import FairQueue
from executor_service.sandbox.model import PoolSize, SandboxUnavailable
from executor_service.sandbox.process_spawner import Engine, ProcessSpawner
from shared.observe.logging import get_logger

log = get_logger("sandbox")
# Running scripts need the processor first. After this delay most of them have ended.
REPLENISH_DELAY_SECONDS = 0.01
NOT_RUNNING = "The sandbox is not running"


class WarmPool:
    """Keeps processes ready, and starts a few at a time. Each process is taken once."""

    def __init__(self, engine: Engine, size: PoolSize, *, max_frame: int) -> None:
        self._engine = engine
        self._size = size
        self._max_frame = max_frame
        self._ready: deque[Child] = deque()
        self._queue: FairQueue[Child] = FairQueue(lambda _, child: self._offer(child))
        self._warming: set[asyncio.Task[None]] = set()
        self._spawner: ProcessSpawner | None = None
        self._starting = asyncio.Lock()
        self._open = False
        self._replenish_timer: asyncio.TimerHandle | None = None

    @property
    def layers(self) -> tuple[str, ...]:
        """Return the layers that confine the processes."""
        return self._spawner.layers if self._spawner else ()

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
        self._queue.fail_all(SandboxUnavailable(NOT_RUNNING))
        for child in self._ready:
            child.kill()
        self._ready.clear()
        if self._spawner:
            await self._spawner.stop()
            self._spawner = None

    async def take(self, workspace: str) -> Child:
        """Return a ready process, or wait for one: workspaces take turns. Raises SandboxUnavailable."""
        while self._ready:
            child = self._ready.popleft()
            if child.is_usable:
                self._replenish_timer = self._replenish_timer or asyncio.get_running_loop().call_later(
                    REPLENISH_DELAY_SECONDS, self._replenish
                )
                return child
            child.kill()
        return await self._wait_for_process(workspace)

    async def _wait_for_process(self, workspace: str) -> Child:
        if not self._open:
            raise SandboxUnavailable(NOT_RUNNING)
        warmed = self._queue.wait(workspace)
        self._replenish()
        return await warmed

    def _offer(self, child: Child) -> None:
        if waiter := self._queue.next():
            waiter.granted.set_result(child)
        else:
            self._ready.append(child)

    def _replenish(self) -> None:
        if self._replenish_timer:
            self._replenish_timer.cancel()
            self._replenish_timer = None
        missing = self._size.spare + len(self._queue) - len(self._ready) - len(self._warming)
        for _ in range(min(missing, self._size.warming - len(self._warming))):
            if not self._open:
                return
            task = asyncio.create_task(self._warm())
            self._warming.add(task)
            task.add_done_callback(self._on_warm_done)

    def _on_warm_done(self, task: "asyncio.Task[None]") -> None:
        self._warming.discard(task)
        if len(self._queue):  # callers that arrived after this task failed, but while it still counted
            self._replenish()

    async def _warm(self) -> None:
        try:
            child = await self._spawn()
        except SandboxUnavailable as error:
            log.warning("sandbox_process_start_failed", reason=str(error))
            self._queue.fail_all(error)
            return
        self._offer(child)
        asyncio.get_running_loop().call_soon(self._replenish)

    async def _spawn(self) -> Child:
        spawner = await self._ensure_spawner()
        try:
            return await Child.spawn(spawner, self._max_frame)
        except SandboxUnavailable:
            # A process that ends with its zygote says nothing about those of the next zygote.
            if spawner.alive:
                raise
        return await Child.spawn(await self._ensure_spawner(), self._max_frame)

    async def _ensure_spawner(self) -> ProcessSpawner:
        if not self._open:
            raise SandboxUnavailable(NOT_RUNNING)
        async with self._starting:
            if self._spawner is None or not self._spawner.alive:
                if self._spawner:
                    await self._spawner.stop()
                self._spawner = await ProcessSpawner.start(self._engine)
            return self._spawner
