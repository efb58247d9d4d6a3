"""Who may use how many processes, and which of them may be used again, by whom."""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from executor_service.sandbox.child import Child
from executor_service.sandbox.model import PoolSize, SandboxBusy, SandboxUnavailable
from executor_service.sandbox.nursery import Engine
from executor_service.sandbox.supply import NOT_RUNNING, REST_SECONDS, Supply


class Parking(NamedTuple):
    """Whose a kept process is: one scope's of a workspace, as it is; or (None) any script's, with a fresh context."""

    workspace_id: str
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    parking: Parking
    expiry: asyncio.TimerHandle


class Waiter(NamedTuple):
    """Waits for a process of its workspace, or (None) for a place to have a new one in."""

    workspace_id: str
    granted: "asyncio.Future[Child | None]"


class Pool:
    """Gives processes to scripts, so many at once. No process ever serves two workspaces.

    A used process is kept for a while: `park` for one scope, as it is, or `rest` for its workspace, with a fresh
    context. It keeps its place until that is wanted by somebody else.
    """

    def __init__(self, engine: Engine, size: PoolSize, *, max_frame: int) -> None:
        self._size = size
        self._supply = Supply(engine, size, max_frame=max_frame)
        self._taken = 0  # places: processes at work, renewed or kept
        self._waiters: deque[Waiter] = deque()
        self._kept: dict[Child, Kept] = {}
        self._renewing: dict[Child, asyncio.Task[None]] = {}
        self._open = False

    @property
    def layers(self) -> tuple[str, ...]:
        return self._supply.layers

    async def start(self) -> None:
        """Make the first processes. Raises SandboxUnavailable when this host cannot confine them."""
        await self._supply.start()
        self._open = True

    async def stop(self) -> None:
        """End every process, idle or at work."""
        self._open = False
        while waiter := self._next_waiter():
            waiter.granted.set_exception(SandboxUnavailable(NOT_RUNNING))
        for child, task in self._renewing.items():
            task.cancel()
            child.kill()
        await asyncio.gather(*self._renewing.values(), return_exceptions=True)
        while self._evict_one():
            self._free_place()
        await self._supply.stop()

    async def take(self, workspace_id: str) -> Child:
        """A process in a fresh context, new or the workspace's own. Raises SandboxBusy, SandboxUnavailable."""
        if not self._open:
            raise SandboxUnavailable(NOT_RUNNING)
        if child := self.unpark(Parking(workspace_id)):
            return child
        if not (self._take_place() or self._evict_one()) and (child := await self._wait(workspace_id)):
            return child
        try:
            return await self._supply.take()
        except BaseException:
            self._free_place()
            raise

    def discard(self, child: Child) -> None:
        """End a process that was taken, and free its place."""
        child.kill()
        self._free_place()

    def park(self, parking: Parking, child: Child) -> None:
        """Keep a taken process as it is, for one scope; a second one is its workspace's."""
        if parking.scope and self._open and not self._waiters and self._find(parking) is None:
            self._keep(parking, child)
        else:
            self.rest(parking.workspace_id, child)

    def unpark(self, parking: Parking) -> Child | None:
        """Take a process that is kept for this back, the last used first."""
        while (child := self._find(parking)) is not None:
            self._kept.pop(child).expiry.cancel()
            if child.usable:
                return child
            self.discard(child)
        return None

    def rest(self, workspace_id: str, child: Child) -> None:
        """Keep a taken process for its workspace, once it has a fresh context."""
        waiter = self._waiters[0] if self._waiters else None
        if not workspace_id or not self._open or (waiter and waiter.workspace_id != workspace_id):
            self.discard(child)
            return
        delay = 0 if waiter else REST_SECONDS
        self._renewing[child] = task = asyncio.create_task(self._renew(workspace_id, child, after_seconds=delay))
        task.add_done_callback(lambda _: self._renewing.pop(child))

    def forget(self, scope: str) -> None:
        """What is parked for this scope is its workspace's from now on, or ends."""
        for child, kept in list(self._kept.items()):
            if kept.parking.scope == scope:
                self._kept.pop(child).expiry.cancel()
                self.rest(kept.parking.workspace_id, child)

    async def _renew(self, workspace_id: str, child: Child, *, after_seconds: float) -> None:
        await asyncio.sleep(after_seconds)
        if await child.renewed():
            self._offer(workspace_id, child)
        else:
            self.discard(child)

    def _offer(self, workspace_id: str, child: Child) -> None:
        waiter = self._next_waiter()
        if waiter is None:
            self._keep(Parking(workspace_id), child)
        elif waiter.workspace_id == workspace_id:
            waiter.granted.set_result(child)
        else:
            child.kill()
            waiter.granted.set_result(None)

    def _keep(self, parking: Parking, child: Child) -> None:
        expiry = asyncio.get_running_loop().call_later(self._size.kept_seconds, self._expire, child)
        self._kept[child] = Kept(parking, expiry)

    def _expire(self, child: Child) -> None:
        del self._kept[child]
        self.discard(child)

    def _find(self, parking: Parking) -> Child | None:
        return next((child for child in reversed(self._kept) if self._kept[child].parking == parking), None)

    def _evict_one(self) -> bool:
        """End the process that is kept for longest. Its place is the caller's."""
        oldest = next(iter(self._kept), None)
        if oldest is None:
            return False
        self._kept.pop(oldest).expiry.cancel()
        oldest.kill()
        return True

    def _take_place(self) -> bool:
        if self._taken >= self._size.running:
            return False
        self._taken += 1
        return True

    def _free_place(self) -> None:
        if waiter := self._next_waiter():
            waiter.granted.set_result(None)
        else:
            self._taken -= 1

    async def _wait(self, workspace_id: str) -> Child | None:
        if len(self._waiters) >= self._size.waiting:
            raise SandboxBusy("Too many functions wait for the sandbox", retry_after=1)
        waiter = Waiter(workspace_id, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(self._size.wait_seconds):
                return await self._granted(waiter)
        except TimeoutError:
            raise SandboxBusy("The sandbox had no free process in time", retry_after=1) from None

    async def _granted(self, waiter: Waiter) -> Child | None:
        try:
            return await waiter.granted
        except asyncio.CancelledError:
            self._withdraw(waiter)
            raise

    def _withdraw(self, waiter: Waiter) -> None:
        """Stand in line no longer. What was granted in the very moment goes to the next."""
        if waiter.granted.cancelled():
            if waiter in self._waiters:
                self._waiters.remove(waiter)
        elif waiter.granted.exception() is None:
            child = waiter.granted.result()
            if child is None:
                self._free_place()
            else:
                self._offer(waiter.workspace_id, child)

    def _next_waiter(self) -> Waiter | None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.granted.done():
                return waiter
        return None
