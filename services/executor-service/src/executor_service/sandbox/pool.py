"""The scheduler of jailed processes: who gets one, who waits, which stay warm."""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from executor_service.sandbox.model import PoolSize, SandboxBusy, SandboxUnavailable
from shared.observe.logging import get_logger

log = get_logger("sandbox")
_REPLENISH_DELAY_SECONDS: Final = 0.01
"""Scripts that run need the processor first. After this delay most of them have ended."""
NOT_RUNNING: Final = "The sandbox is not running"


class Process(Protocol):
    """A jailed process that the pool hands out: a kept one serves its owner again."""

    @property
    def is_usable(self) -> bool: ...

    def kill(self) -> None:
        """End it, idempotently."""


P = TypeVar("P", bound=Process)


class _Waiter(NamedTuple, Generic[P]):
    """A script that waits. Its grant is an idle process of its owner, or None: a slot for another process."""

    owner: str
    granted: "asyncio.Future[P | None]"


class _Idle(NamedTuple):
    owner: str
    expiry: asyncio.TimerHandle


class Pool(Generic[P]):
    """Hands out a bounded number of processes. No process ever serves two owners.

    A workspace uses at most its percentage of the processes, and a quarter of the rest is left to workspaces that use
    none, so that a busy workspace never makes another wait for its first. Waiting workspaces take turns. A kept process
    stays idle for a while, counts towards no workspace, and ends when another owner needs its slot.
    """

    def __init__(self, spawn: Callable[[], Awaitable[P]], size: PoolSize) -> None:
        self._spawn = spawn
        self._size = size
        self._used: Counter[str] = Counter()
        """Processes handed out, or slots granted for one, by workspace."""
        self._queues: dict[str, deque[_Waiter[P]]] = {}
        """Waiting scripts by workspace, in the order of the workspaces' turns. No queue is empty."""
        self._idle: dict[P, _Idle] = {}
        """The process that has been idle longest comes first."""
        self._spares: deque[P] = deque()
        self._spawning = asyncio.Semaphore(size.warming)
        self._replenishing: asyncio.Task[None] | None = None
        self._open = False

    async def start(self) -> None:
        """Start the first process. Raises SandboxUnavailable if this host cannot confine it."""
        self._open = True
        try:
            self._spares.append(await self._spawn())
        except SandboxUnavailable:
            self._open = False
            raise
        self._replenish()

    async def stop(self) -> None:
        """Refuse every waiting script, and end idle and spare processes."""
        self._open = False
        for queue in self._queues.values():
            for waiter in queue:
                if not waiter.granted.done():
                    waiter.granted.set_exception(SandboxUnavailable(NOT_RUNNING))
        self._queues.clear()
        if self._replenishing is not None:
            self._replenishing.cancel()
            await asyncio.gather(self._replenishing, return_exceptions=True)
            self._replenishing = None
        for process in list(self._idle):
            self._expire(process)
        while self._spares:
            self._spares.popleft().kill()

    async def take(self, owner: str, workspace: str) -> P:
        """Return a process: one that the owner used before, or a new one. Raises SandboxBusy, SandboxUnavailable."""
        if not self._open:
            raise SandboxUnavailable(NOT_RUNNING)
        if self._may_use(workspace):
            self._used[workspace] += 1
            process = self._claim(owner)
        else:
            process = await self._wait(owner, workspace)
        if process is not None:
            return process
        try:
            return await self._new_process()
        except BaseException:
            self._release(workspace)
            raise

    def discard(self, process: P, workspace: str) -> None:
        """End a process that was handed out to this workspace."""
        process.kill()
        self._release(workspace)

    def keep(self, process: P, owner: str, workspace: str) -> None:
        """Take back a healthy process, for the next script of its owner; without an owner it ends."""
        if owner and self._open and process.is_usable:
            expiry = asyncio.get_running_loop().call_later(self._size.kept_seconds, self._expire, process)
            self._idle[process] = _Idle(owner, expiry)
        else:
            process.kill()
        self._release(workspace)

    def _may_use(self, workspace: str) -> bool:
        return _allows(self._size.running, self._size.workspace_percent, self._used[workspace], self._used.total())

    def _may_wait(self, workspace: str) -> bool:
        waiting = len(self._queues.get(workspace, ()))
        return _allows(self._size.waiting, self._size.workspace_percent, waiting, sum(map(len, self._queues.values())))

    def _release(self, workspace: str) -> None:
        """Count one process less, and serve the scripts that may now have one."""
        self._used[workspace] -= 1
        if not self._used[workspace]:
            del self._used[workspace]
        while (next_workspace := next(filter(self._may_use, self._queues), None)) is not None:
            waiter = self._next_of(next_workspace)
            if not waiter.granted.done():
                self._used[next_workspace] += 1
                waiter.granted.set_result(self._claim(waiter.owner))

    def _next_of(self, workspace: str) -> _Waiter[P]:
        """Remove the first waiting script of this workspace, which then goes to the end of the order."""
        queue = self._queues.pop(workspace)
        waiter = queue.popleft()
        if queue:
            self._queues[workspace] = queue
        return waiter

    def _claim(self, owner: str) -> P | None:
        """Return the owner's most recently used idle process; without one, make room for a new one."""
        for process in reversed([process for process, idle in self._idle.items() if idle.owner == owner]):
            self._idle.pop(process).expiry.cancel()
            if process.is_usable:
                return process
            process.kill()
        if self._used.total() + len(self._idle) > self._size.running:
            self._expire(next(iter(self._idle)))
        return None

    def _expire(self, process: P) -> None:
        self._idle.pop(process).expiry.cancel()
        process.kill()

    async def _wait(self, owner: str, workspace: str) -> P | None:
        if not self._may_wait(workspace):
            raise SandboxBusy("Too many functions are waiting for the sandbox. Try again later.", retry_after=1)
        waiter: _Waiter[P] = _Waiter(owner, asyncio.get_running_loop().create_future())
        self._queues.setdefault(workspace, deque()).append(waiter)
        try:
            async with asyncio.timeout(self._size.wait_seconds):
                return await waiter.granted
        except TimeoutError:
            self._leave(waiter, workspace)
            raise SandboxBusy("No sandbox process became free in time. Try again later.", retry_after=1) from None
        except asyncio.CancelledError:
            self._leave(waiter, workspace)
            raise

    def _leave(self, waiter: _Waiter[P], workspace: str) -> None:
        """Give up the wait, or what it was granted at the same moment."""
        if waiter.granted.cancelled():
            queue = self._queues.get(workspace)
            if queue is not None:
                with suppress(ValueError):
                    queue.remove(waiter)
                if not queue:
                    del self._queues[workspace]
        elif waiter.granted.exception() is None:
            process = waiter.granted.result()
            if process is None:
                self._release(workspace)
            else:
                self.keep(process, waiter.owner, workspace)

    async def _new_process(self) -> P:
        while self._spares:
            process = self._spares.popleft()
            self._replenish()
            if process.is_usable:
                return process
            process.kill()
        async with self._spawning:
            return await self._spawn()

    def _replenish(self) -> None:
        if self._open and self._replenishing is None:
            self._replenishing = asyncio.create_task(self._add_spares())

    async def _add_spares(self) -> None:
        try:
            while len(self._spares) < self._size.spare:
                await asyncio.sleep(_REPLENISH_DELAY_SECONDS)
                async with self._spawning:
                    self._spares.append(await self._spawn())
        except SandboxUnavailable as error:
            log.warning("sandbox_process_start_failed", reason=str(error))
        finally:
            self._replenishing = None


def _allows(total: int, percent: int, own: int, all_: int) -> bool:
    """Return whether a workspace that uses `own` of `total` units, of which `all_` are used, may use one more."""
    if own == 0:
        return all_ < total
    most = total if percent >= 100 else max(1, min(total * percent // 100, total - 1))
    left_to_others = min(total - most, max(1, total // 4))
    return own < most and all_ < total - left_to_others
