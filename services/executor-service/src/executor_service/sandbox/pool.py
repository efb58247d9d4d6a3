"""Who may use how many processes, and which of them may be used again, by whom."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from executor_service.sandbox.child import Child
from executor_service.sandbox.line import Line
from executor_service.sandbox.model import PoolSize, SandboxBusy, SandboxUnavailable
from executor_service.sandbox.supply import NOT_RUNNING, REST_SECONDS, Supply


class Parking(NamedTuple):
    """Whose a kept process is: one scope's of an owner, as it is; or (None) for whatever the owner runs next."""

    owner: str
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """`end` is when it is renewed, or has been kept for long enough."""

    parking: Parking
    end: asyncio.TimerHandle


class Pool:
    """Gives processes to scripts, so many at once. No process ever serves two owners.

    A used process is kept for a while: `park` for one scope, as it is, or `rest` for its owner, who gets it with a
    fresh context. It keeps its place until that is wanted by somebody else.
    """

    def __init__(self, supply: Supply, size: PoolSize) -> None:
        self._supply = supply
        self._size = size
        self._taken = 0  # places: processes at work, renewed or kept
        self._line: Line[Child | None] = Line(self._take_back)
        """For a process of one's own, or (None) for a place to have a new one in."""
        self._kept: dict[Child, Kept] = {}
        self._renewing: set[asyncio.Task[None]] = set()
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
        self._line.dismiss(SandboxUnavailable(NOT_RUNNING))
        for task in self._renewing:
            task.cancel()
        await asyncio.gather(*self._renewing, return_exceptions=True)
        while self._evict_one():
            self._free_place()
        await self._supply.stop()

    async def take(self, owner: str) -> Child:
        """A process in a fresh context, new or the owner's own. Raises SandboxBusy, SandboxUnavailable."""
        if not self._open:
            raise SandboxUnavailable(NOT_RUNNING)
        child = self._take_kept(Parking(owner), is_fresh=True)
        if child is None and not self._take_place():
            child = self._take_kept(Parking(owner), is_fresh=False)
            if child is None and not (self._take_place() or self._evict_one()):
                child = await self._wait(owner)
        return await self._made_fresh(child)

    def discard(self, child: Child) -> None:
        """End a process that was taken, and free its place."""
        child.kill()
        self._free_place()

    def rest(self, owner: str, child: Child) -> None:
        """Keep a taken process for its owner's next script."""
        if owner and self._open:
            self._offer(owner, child)
        else:
            self.discard(child)

    def park(self, parking: Parking, child: Child) -> None:
        """Keep a taken process as it is, for one scope; a second one is its owner's."""
        if parking.scope and self._open and not self._line and self._find(parking, is_fresh=False) is None:
            self._keep(parking, child, self._size.kept_seconds, self._expire)
        else:
            self.rest(parking.owner, child)

    def unpark(self, parking: Parking) -> Child | None:
        """Take a process that is parked for this back."""
        return self._take_kept(parking, is_fresh=False)

    def forget(self, scope: str) -> None:
        """What is parked for this scope is its owner's from now on."""
        for child, kept in list(self._kept.items()):
            if kept.parking.scope == scope:
                self._forgo(child)
                self.rest(kept.parking.owner, child)

    async def _made_fresh(self, child: Child | None) -> Child:
        """This process with a fresh context, or else a new one in its place; None is a place."""
        try:
            if child is not None:
                if child.is_fresh or await child.renewed():
                    return child
                child.kill()
            return await self._supply.take()
        except BaseException:
            if child is not None:
                child.kill()
            self._free_place()
            raise

    def _offer(self, owner: str, child: Child) -> None:
        """Give a taken process to who waits for it, or its place to who waits for longer, or keep it."""
        waiter = self._line.next()
        if waiter is None and child.is_fresh:
            self._keep(Parking(owner), child, self._size.kept_seconds, self._expire)
        elif waiter is None:
            self._keep(Parking(owner), child, REST_SECONDS, self._renew)
        elif waiter.owner == owner:
            waiter.granted.set_result(child)
        else:
            child.kill()
            waiter.granted.set_result(None)

    def _keep(self, parking: Parking, child: Child, seconds: float, then: Callable[[Child], None]) -> None:
        self._kept[child] = Kept(parking, asyncio.get_running_loop().call_later(seconds, then, child))

    def _forgo(self, child: Child) -> Parking:
        kept = self._kept.pop(child)
        kept.end.cancel()
        return kept.parking

    def _expire(self, child: Child) -> None:
        self._forgo(child)
        self.discard(child)

    def _renew(self, child: Child) -> None:
        """Nobody wanted it so far: make its fresh context beforehand."""
        owner = self._forgo(child).owner

        async def renew() -> None:
            if await child.renewed():
                self._offer(owner, child)
            else:
                self.discard(child)

        def ended(task: asyncio.Task[None]) -> None:
            self._renewing.discard(task)
            if task.cancelled():
                self.discard(child)

        task = asyncio.create_task(renew())
        self._renewing.add(task)
        task.add_done_callback(ended)

    def _take_kept(self, parking: Parking, *, is_fresh: bool) -> Child | None:
        while (child := self._find(parking, is_fresh=is_fresh)) is not None:
            self._forgo(child)
            if child.usable:
                return child
            self.discard(child)
        return None

    def _find(self, parking: Parking, *, is_fresh: bool) -> Child | None:
        """The last that was kept of them: what is not needed any more is not touched, and expires."""
        kept = reversed(self._kept.items())
        return next((child for child, how in kept if how.parking == parking and child.is_fresh is is_fresh), None)

    def _evict_one(self) -> bool:
        """End the process that is kept for longest. Its place is the caller's."""
        oldest = next(iter(self._kept), None)
        if oldest is None:
            return False
        self._forgo(oldest)
        oldest.kill()
        return True

    def _take_place(self) -> bool:
        if self._taken >= self._size.running:
            return False
        self._taken += 1
        return True

    def _free_place(self) -> None:
        if waiter := self._line.next():
            waiter.granted.set_result(None)
        else:
            self._taken -= 1

    async def _wait(self, owner: str) -> Child | None:
        if len(self._line) >= self._size.waiting:
            raise SandboxBusy("Too many functions wait for the sandbox", retry_after=1)
        try:
            async with asyncio.timeout(self._size.wait_seconds):
                return await self._line.wait(owner)
        except TimeoutError:
            raise SandboxBusy("The sandbox had no free process in time", retry_after=1) from None

    def _take_back(self, owner: str, child: Child | None) -> None:
        if child is None:
            self._free_place()
        else:
            self.rest(owner, child)
