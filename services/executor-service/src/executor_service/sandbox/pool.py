"""Assignment of processes to workspaces, and their reuse by owners."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from executor_service.sandbox.child import Child
from executor_service.sandbox.fair_queue import FairQueue, Waiter
from executor_service.sandbox.model import PoolSize, SandboxBusy, SandboxUnavailable
from executor_service.sandbox.quota import Quota
from executor_service.sandbox.warm_pool import NOT_RUNNING, WarmPool


class Reservation(NamedTuple):
    """Reservation of an idle process: for one scope of an owner, or (None) for any script of the owner."""

    owner: str
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class IdleProcess:
    """An idle process; `end` is when it expires."""

    reservation: Reservation
    workspace: str
    end: asyncio.TimerHandle


class Pool:
    """Assigns a bounded number of processes to scripts. No process ever serves two owners.

    A workspace uses at most its quota, and waiting workspaces take turns. A used process stays idle for a while:
    `keep_for_scope` keeps it for one scope, whose evaluations share a context, and `keep_for_owner` for its owner, each
    of whose scripts gets a fresh context. An idle process does not count towards a quota, and ends when another script
    needs its slot.
    """

    def __init__(self, warm_pool: WarmPool, size: PoolSize) -> None:
        self._warm_pool = warm_pool
        self._size = size
        self._processes = Quota.of(size.running, size.workspace_percent)
        self._waiters = Quota.of(size.waiting, size.workspace_percent)
        self._slots_used = 0  # by active or idle processes
        self._used: Counter[str] = Counter()
        """Active or starting processes, by workspace."""
        self._assigned: dict[Child, str] = {}
        """The workspace of each assigned process."""
        self._queue: FairQueue[Child | None] = FairQueue(self._return_grant)
        """Grants a process of the waiter's owner, or (None) a slot for a new one. No admitted script waits."""
        self._idle: dict[Child, IdleProcess] = {}
        self._open = False

    @property
    def layers(self) -> tuple[str, ...]:
        return self._warm_pool.layers

    async def start(self) -> None:
        """Start the first processes. Raises SandboxUnavailable if this host cannot confine them."""
        await self._warm_pool.start()
        self._open = True

    async def stop(self) -> None:
        """End every process, idle or active."""
        self._open = False
        self._queue.fail_all(SandboxUnavailable(NOT_RUNNING))
        for child in list(self._idle):
            self._expire(child)
        await self._warm_pool.stop()

    async def take(self, owner: str, workspace: str) -> Child:
        """Return a process, new or the owner's own. Raises SandboxBusy, SandboxUnavailable."""
        if not self._open:
            raise SandboxUnavailable(NOT_RUNNING)
        if self._admit(workspace):
            child = self._claim(owner)
        else:
            child = await self._wait(owner, workspace)
        return await self._ensure_process(child, workspace)

    def discard(self, child: Child) -> None:
        """End an assigned process, and free its slot."""
        child.kill()
        self._free_slot(self._assigned.pop(child))

    def keep_for_owner(self, owner: str, child: Child) -> None:
        """Keep an assigned process for its owner's next script."""
        if owner and self._open:
            workspace = self._assigned.pop(child)
            self._keep(Reservation(owner), workspace, child)
            self._release(workspace)
        else:
            self.discard(child)

    def keep_for_scope(self, reservation: Reservation, child: Child) -> None:
        """Keep an assigned process unchanged for one scope; a second one becomes available to its owner."""
        is_wanted = self._queue.waiting(self._assigned[child]) > 0
        if reservation.scope and self._open and not is_wanted and self._find(reservation) is None:
            workspace = self._assigned.pop(child)
            self._keep(reservation, workspace, child)
            self._release(workspace)
        else:
            self.keep_for_owner(reservation.owner, child)

    def take_reserved(self, reservation: Reservation, workspace: str) -> Child | None:
        """Return the process reserved for this scope; None without one, or if the quota is used up."""
        if self._find(reservation) is None or not self._admit(workspace):
            return None
        child = self._take_idle(reservation)
        if child is None:
            self._release(workspace)
        else:
            self._assigned[child] = workspace
        return child

    def release_scope(self, scope: str) -> None:
        """Make the processes of the scope available to their owner."""
        for child, idle in list(self._idle.items()):
            if idle.reservation.scope != scope:
                continue
            if idle.reservation.owner:
                self._remove_idle(child)
                self._keep(Reservation(idle.reservation.owner), idle.workspace, child)
            else:
                self._expire(child)

    def _admit(self, workspace: str) -> bool:
        """Count one more process of this workspace, unless its quota is used up."""
        if not self._processes.allows(self._used[workspace], self._used.total()):
            return False
        self._used[workspace] += 1
        return True

    def _release(self, workspace: str) -> None:
        """Count one process less and serve scripts that can now be admitted."""
        self._used[workspace] -= 1
        if not self._used[workspace]:
            del self._used[workspace]
        while waiter := self._queue.next(self._admit):
            waiter.granted.set_result(self._claim(waiter.owner))

    def _claim(self, owner: str) -> Child | None:
        """Return an idle process of this owner, or (None) a slot for a new one, for an admitted script.

        A slot that no script uses is free or has an idle process, so the claim always succeeds.
        """
        child = self._take_idle(Reservation(owner))
        if child is None and not self._take_slot():
            self._evict_one()
        return child

    async def _ensure_process(self, child: Child | None, workspace: str) -> Child:
        """Return this process, or a new one if None."""
        if child is None:
            try:
                child = await self._warm_pool.take(workspace)
            except BaseException:
                self._free_slot(workspace)
                raise
        self._assigned[child] = workspace
        return child

    def _keep(self, reservation: Reservation, workspace: str, child: Child) -> None:
        end = asyncio.get_running_loop().call_later(self._size.kept_seconds, self._expire, child)
        self._idle[child] = IdleProcess(reservation, workspace, end)

    def _remove_idle(self, child: Child) -> IdleProcess:
        idle = self._idle.pop(child)
        idle.end.cancel()
        return idle

    def _expire(self, child: Child) -> None:
        self._remove_idle(child)
        child.kill()
        self._slots_used -= 1

    def _take_idle(self, reservation: Reservation) -> Child | None:
        while (child := self._find(reservation)) is not None:
            if child.is_usable:
                self._remove_idle(child)
                return child
            self._expire(child)
        return None

    def _find(self, reservation: Reservation) -> Child | None:
        """Return the most recently used one, so that surplus ones expire."""
        return next((child for child, idle in reversed(self._idle.items()) if idle.reservation == reservation), None)

    def _evict_one(self) -> None:
        """End the process that has been idle longest. The caller gets its slot."""
        oldest = next(iter(self._idle))
        self._remove_idle(oldest)
        oldest.kill()

    def _take_slot(self) -> bool:
        if self._slots_used >= self._size.running:
            return False
        self._slots_used += 1
        return True

    def _free_slot(self, workspace: str) -> None:
        self._slots_used -= 1
        self._release(workspace)

    async def _wait(self, owner: str, workspace: str) -> Child | None:
        if not self._waiters.allows(self._queue.waiting(workspace), len(self._queue)):
            raise SandboxBusy("Too many functions are waiting for the sandbox. Try again later.", retry_after=1)
        try:
            async with asyncio.timeout(self._size.wait_seconds):
                return await self._queue.wait(workspace, owner)
        except TimeoutError:
            raise SandboxBusy("No sandbox process became free in time. Try again later.", retry_after=1) from None

    def _return_grant(self, waiter: Waiter[Child | None], child: Child | None) -> None:
        if child is None:
            self._free_slot(waiter.workspace)
        else:
            self._assigned[child] = waiter.workspace
            self.keep_for_owner(waiter.owner, child)
