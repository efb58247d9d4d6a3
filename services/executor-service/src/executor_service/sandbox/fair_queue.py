"""Queue of waiting callers, with round-robin scheduling between workspaces."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Waiter(Generic[T]):
    """Waiting caller, for an owner in a workspace."""

    workspace: str
    owner: str
    granted: "asyncio.Future[T]"


def _accept_all(_: str) -> bool:
    return True


class FairQueue(Generic[T]):
    """Waiters in round-robin order of their workspaces, first come, first served within one.

    `return_grant` gets a grant whose waiter was canceled at the same moment.
    """

    def __init__(self, return_grant: Callable[[Waiter[T], T], None]) -> None:
        self._queues: dict[str, deque[Waiter[T]]] = {}
        """In round-robin order. No queue is empty."""
        self._return_grant = return_grant

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def waiting(self, workspace: str) -> int:
        """Return how many waiters this workspace has."""
        return len(self._queues.get(workspace, ()))

    def wait(self, workspace: str = "", owner: str = "") -> Awaitable[T]:
        """Join the queue now; the awaited result is the grant. Raises the error of `fail_all`."""
        waiter: Waiter[T] = Waiter(workspace, owner, asyncio.get_running_loop().create_future())
        self._queues.setdefault(workspace, deque()).append(waiter)
        return self._wait_for_grant(waiter)

    def next(self, admit: Callable[[str], bool] = _accept_all) -> Waiter[T] | None:
        """Remove and return the next waiter of the first workspace that `admit` accepts. The caller must grant it.

        The workspace goes to the end of the order. None when no waiter is accepted.
        """
        for workspace, queue in list(self._queues.items()):
            while queue and queue[0].granted.done():
                queue.popleft()
            if queue and not admit(workspace):
                continue
            del self._queues[workspace]
            if queue:
                waiter = queue.popleft()
                if queue:
                    self._queues[workspace] = queue
                return waiter
        return None

    def fail_all(self, error: Exception) -> None:
        """Raise this error in every waiter."""
        while waiter := self.next():
            waiter.granted.set_exception(error)

    async def _wait_for_grant(self, waiter: Waiter[T]) -> T:
        try:
            return await waiter.granted
        except asyncio.CancelledError:
            self._remove(waiter)
            raise

    def _remove(self, waiter: Waiter[T]) -> None:
        if waiter.granted.cancelled():
            queue = self._queues.get(waiter.workspace)
            if queue and waiter in queue:
                queue.remove(waiter)
                if not queue:
                    del self._queues[waiter.workspace]
        elif waiter.granted.exception() is None:
            self._return_grant(waiter, waiter.granted.result())
