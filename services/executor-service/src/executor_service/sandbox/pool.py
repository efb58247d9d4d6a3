"""A bounded pool of warm, single-use processes."""

import asyncio
from collections import OrderedDict, deque
from typing import NamedTuple

from executor_service.sandbox.child import Child
from executor_service.sandbox.model import PoolSize, SandboxBusy, SandboxUnavailable
from executor_service.sandbox.nursery import Engine, Nursery
from shared.observe.logging import get_logger

log = get_logger("sandbox")
# What a script is to say, or has said, needs the processor first: by then it is on its way, and most runs are over.
REST_SECONDS = 0.01
_NOT_RUNNING = "The sandbox is not running"


class Parking(NamedTuple):
    """Whose process is kept, and for what. Run ids are unique within a workspace only."""

    use: str
    workspace_id: str
    scope: str


class Pool:
    """Hands out each process once. A parked process keeps its place until it is asked for again, or the place is."""

    def __init__(self, engine: Engine, size: PoolSize, *, max_frame: int) -> None:
        self._engine = engine
        self._size = size
        self._max_frame = max_frame
        self._places = asyncio.Semaphore(size.running)
        self._waiting = 0
        self._ready: deque[Child] = deque()
        self._wanted: deque[asyncio.Future[Child]] = deque()
        self._warming: set[asyncio.Task[None]] = set()
        self._parked: OrderedDict[Parking, tuple[Child, asyncio.TimerHandle]] = OrderedDict()
        self._nursery: Nursery | None = None
        self._starting = asyncio.Lock()
        self._open = False
        self._later: asyncio.TimerHandle | None = None

    @property
    def layers(self) -> tuple[str, ...]:
        return self._nursery.layers if self._nursery else ()

    async def start(self) -> None:
        """Start the zygote and warm the first process. Raises SandboxUnavailable when this host cannot confine it."""
        self._open = True
        try:
            self._ready.append(await self._spawn())
        except SandboxUnavailable:
            await self.stop()
            raise
        self._replenish()

    async def stop(self) -> None:
        """End every process, idle or at work."""
        self._open = False
        for task in self._warming:
            task.cancel()
        await asyncio.gather(*self._warming, return_exceptions=True)
        for parking in list(self._parked):
            self._clear(parking)
        self._disappoint(SandboxUnavailable(_NOT_RUNNING))
        for child in self._ready:
            child.kill()
        self._ready.clear()
        if self._nursery:
            await self._nursery.stop()
            self._nursery = None

    async def take(self) -> Child:
        """Wait for a place and take a warm process. Raises SandboxBusy, SandboxUnavailable."""
        await self._take_place()
        try:
            return await self._next_ready()
        except BaseException:
            self._places.release()
            raise
        finally:
            self._later = self._later or asyncio.get_running_loop().call_later(REST_SECONDS, self._replenish)

    def discard(self, child: Child) -> None:
        """End a process that was taken, and free its place."""
        child.kill()
        self._places.release()
        self._replenish()

    def park(self, parking: Parking, child: Child) -> None:
        """Keep a used process for the same use, for a short while."""
        if not parking.scope or parking in self._parked or not self._open or not child.usable or self._waiting:
            self.discard(child)
            return
        timer = asyncio.get_running_loop().call_later(self._size.parked_seconds, self._clear, parking)
        self._parked[parking] = (child, timer)

    def unpark(self, parking: Parking) -> Child | None:
        """Take the process parked for this use back, with its place."""
        child, timer = self._parked.pop(parking, (None, None))
        if child is None or timer is None:
            return None
        timer.cancel()
        if child.usable:
            return child
        self.discard(child)
        return None

    def forget(self, scope: str) -> None:
        """Give what is parked for this scope to nobody any more; it ends in a moment, or as its place is wanted."""
        for parking in [parking for parking in self._parked if parking.scope == scope]:
            child = self.unpark(parking)
            if child is not None and self._waiting:
                self.discard(child)
            elif child is not None:
                asyncio.get_running_loop().call_later(REST_SECONDS, self.discard, child)

    def _clear(self, parking: Parking) -> None:
        if child := self.unpark(parking):
            self.discard(child)

    async def _take_place(self) -> None:
        if self._places.locked() and self._parked:
            self._clear(next(iter(self._parked)))
        if self._waiting >= self._size.waiting:
            raise SandboxBusy("Too many functions wait for the sandbox", retry_after=1)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._size.wait_seconds):
                await self._places.acquire()
        except TimeoutError:
            raise SandboxBusy("The sandbox had no free process in time", retry_after=1) from None
        finally:
            self._waiting -= 1

    async def _next_ready(self) -> Child:
        while self._ready:
            child = self._ready.popleft()
            if child.usable:
                return child
            child.kill()
        return await self._next_warmed()

    async def _next_warmed(self) -> Child:
        if not self._open:
            raise SandboxUnavailable(_NOT_RUNNING)
        wish: asyncio.Future[Child] = asyncio.get_running_loop().create_future()
        self._wanted.append(wish)
        self._replenish()
        try:
            return await wish
        except asyncio.CancelledError:
            if wish.done() and not wish.cancelled() and not wish.exception():
                self._provide(wish.result())
            raise

    def _provide(self, child: Child) -> None:
        while self._wanted:
            wish = self._wanted.popleft()
            if not wish.done():
                wish.set_result(child)
                return
        self._ready.append(child)

    def _disappoint(self, error: SandboxUnavailable) -> None:
        for wish in self._wanted:
            if not wish.done():
                wish.set_exception(error)
        self._wanted.clear()

    def _replenish(self) -> None:
        if self._later:
            self._later.cancel()
            self._later = None
        missing = self._size.spare + len(self._wanted) - len(self._ready) - len(self._warming)
        for _ in range(min(missing, self._size.warming - len(self._warming))):
            if not self._open:
                return
            task = asyncio.create_task(self._warm())
            self._warming.add(task)
            task.add_done_callback(self._warming.discard)

    async def _warm(self) -> None:
        try:
            child = await self._spawn()
        except SandboxUnavailable as error:
            log.warning("a sandbox process was not warmed", reason=str(error))
            self._disappoint(error)
            return
        self._provide(child)
        asyncio.get_running_loop().call_soon(self._replenish)

    async def _spawn(self) -> Child:
        return await Child.spawn(await self._living_nursery(), self._max_frame)

    async def _living_nursery(self) -> Nursery:
        if not self._open:
            raise SandboxUnavailable(_NOT_RUNNING)
        async with self._starting:
            if self._nursery is None or not self._nursery.alive:
                if self._nursery:
                    await self._nursery.stop()
                self._nursery = await Nursery.start(self._engine)
            return self._nursery
