"""Assignment of processes to workspaces, and their reuse by owners."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from executor_service.sandbox.child import Child
from executor_service.sandbox.fair_queue import Line, Waiter
from executor_service.sandbox.model import PoolSize, SandboxBusy, SandboxUnavailable
from executor_service.sandbox.quota import Quota
from executor_service.sandbox.warm_pool import NOT_RUNNING, Supply


class Parking(NamedTuple):
    """Reservation of an idle process: for one scope of an owner, or (None) for any script of the owner."""

    owner: str
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """An idle process; `end` is when it expires."""

    parking: Parking
    workspace: str
    end: asyncio.TimerHandle


class Pool:
    """Assigns a bounded number of processes to scripts. No process ever serves two owners.

    A workspace uses at most its quota, and waiting workspaces take turns. A used process stays idle for a while: `park`
    for one scope, whose evaluations share a context, or `rest` for its owner, each of whose scripts gets a fresh
    context. An idle process counts towards no quota and ends when another script needs its place.
    """

    def __init__(self, supply: Supply, size: PoolSize) -> None:
        self._supply = supply
        self._size = size
        self._processes = Quota.of(size.running, size.workspace_percent)
        self._waiters = Quota.of(size.waiting, size.workspace_percent)
        self._taken = 0  # places: active or idle processes
        self._used: Counter[str] = Counter()
        """Active or starting processes, by workspace."""
        self._at_work: dict[Child, str] = {}
        """The workspace of each assigned process."""
        self._line: Line[Child | None] = Line(self._take_back)
        """Grants a process of the waiter's owner, or (None) a place for a new one. No admitted script waits."""
        self._kept: dict[Child, Kept] = {}
        self._open = False

    @property
    def layers(self) -> tuple[str, ...]:
        return self._supply.layers

    async def start(self) -> None:
        """Start the first processes. Raises SandboxUnavailable if this host cannot confine them."""
        await self._supply.start()
        self._open = True

    async def stop(self) -> None:
        """End every process, idle or active."""
        self._open = False
        self._line.dismiss(SandboxUnavailable(NOT_RUNNING))
        for child in list(self._kept):
            self._expire(child)
        await self._supply.stop()

    async def take(self, owner: str, workspace: str) -> Child:
        """Return a process, new or the owner's own. Raises SandboxBusy, SandboxUnavailable."""
        if not self._open:
            raise SandboxUnavailable(NOT_RUNNING)
        if self._admit(workspace):
            child = self._claim(owner)
        else:
            child = await self._wait(owner, workspace)
        return await self._made(child, workspace)

    def discard(self, child: Child) -> None:
        """End an assigned process, and free its place."""
        child.kill()
        self._free_place(self._at_work.pop(child))

    def rest(self, owner: str, child: Child) -> None:
        """Keep an assigned process for its owner's next script."""
        if owner and self._open:
            workspace = self._at_work.pop(child)
            self._keep(Parking(owner), workspace, child)
            self._leave(workspace)
        else:
            self.discard(child)

    def park(self, parking: Parking, child: Child) -> None:
        """Keep an assigned process unchanged for one scope; a second one is for its owner."""
        is_wanted = self._line.waiting(self._at_work[child]) > 0
        if parking.scope and self._open and not is_wanted and self._find(parking) is None:
            workspace = self._at_work.pop(child)
            self._keep(parking, workspace, child)
            self._leave(workspace)
        else:
            self.rest(parking.owner, child)

    def unpark(self, parking: Parking, workspace: str) -> Child | None:
        """Take back the process parked for this scope; None if there is none or the quota is used up."""
        if self._find(parking) is None or not self._admit(workspace):
            return None
        child = self._take_kept(parking)
        if child is None:
            self._leave(workspace)
        else:
            self._at_work[child] = workspace
        return child

    def forget(self, scope: str) -> None:
        """Make the scope's parked processes available to their owner."""
        for child, kept in list(self._kept.items()):
            if kept.parking.scope != scope:
                continue
            if kept.parking.owner:
                self._forgo(child)
                self._keep(Parking(kept.parking.owner), kept.workspace, child)
            else:
                self._expire(child)

    def _admit(self, workspace: str) -> bool:
        """Count one more process of this workspace, unless its quota is used up."""
        if not self._processes.allows(self._used[workspace], self._used.total()):
            return False
        self._used[workspace] += 1
        return True

    def _leave(self, workspace: str) -> None:
        """Count one process less and serve scripts that can now be admitted."""
        self._used[workspace] -= 1
        if not self._used[workspace]:
            del self._used[workspace]
        while waiter := self._line.next(self._admit):
            waiter.granted.set_result(self._claim(waiter.owner))

    def _claim(self, owner: str) -> Child | None:
        """Return an idle process of this owner, or (None) a place for a new one, for an admitted script.

        There is always one: a place that no script uses is free or holds an idle process.
        """
        child = self._take_kept(Parking(owner))
        if child is None and not self._take_place():
            self._evict_one()
        return child

    async def _made(self, child: Child | None, workspace: str) -> Child:
        """Return this process, or a new one if None."""
        if child is None:
            try:
                child = await self._supply.take(workspace)
            except BaseException:
                self._free_place(workspace)
                raise
        self._at_work[child] = workspace
        return child

    def _keep(self, parking: Parking, workspace: str, child: Child) -> None:
        end = asyncio.get_running_loop().call_later(self._size.kept_seconds, self._expire, child)
        self._kept[child] = Kept(parking, workspace, end)

    def _forgo(self, child: Child) -> Kept:
        kept = self._kept.pop(child)
        kept.end.cancel()
        return kept

    def _expire(self, child: Child) -> None:
        self._forgo(child)
        child.kill()
        self._taken -= 1

    def _take_kept(self, parking: Parking) -> Child | None:
        while (child := self._find(parking)) is not None:
            if child.usable:
                self._forgo(child)
                return child
            self._expire(child)
        return None

    def _find(self, parking: Parking) -> Child | None:
        """Return the most recently parked one: surplus ones stay untouched and expire."""
        return next((child for child, kept in reversed(self._kept.items()) if kept.parking == parking), None)

    def _evict_one(self) -> None:
        """End the process that has been idle longest. Its place is the caller's."""
        oldest = next(iter(self._kept))
        self._forgo(oldest)
        oldest.kill()

    def _take_place(self) -> bool:
        if self._taken >= self._size.running:
            return False
        self._taken += 1
        return True

    def _free_place(self, workspace: str) -> None:
        self._taken -= 1
        self._leave(workspace)

    async def _wait(self, owner: str, workspace: str) -> Child | None:
        if not self._waiters.allows(self._line.waiting(workspace), len(self._line)):
            raise SandboxBusy("Too many functions wait for the sandbox", retry_after=1)
        try:
            async with asyncio.timeout(self._size.wait_seconds):
                return await self._line.wait(workspace, owner)
        except TimeoutError:
            raise SandboxBusy("The sandbox had no free process in time", retry_after=1) from None

    def _take_back(self, waiter: Waiter[Child | None], child: Child | None) -> None:
        if child is None:
            self._free_place(waiter.workspace)
        else:
            self._at_work[child] = waiter.workspace
            self.rest(waiter.owner, child)
