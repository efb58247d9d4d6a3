"""Optimistic writes of runs: a conflicting write reads the run again."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from jobs_service.runs.ports import LoadedRun
from shared import optimistic_concurrency

S = TypeVar("S", bound=LoadedRun)
T = TypeVar("T")


async def retry_on_conflict(
    run_id: str,
    read: Callable[[str], Awaitable[S | None]],
    write: Callable[[S | None], Awaitable[T | None]],
    *,
    first: S | None = None,
) -> T:
    """Return the result of `write`, retried with the current run while it returns None.

    `first` is a run already read. Raises Unavailable after repeated conflicts.
    """
    loaded = first

    async def attempt() -> T | None:
        nonlocal loaded
        current, loaded = loaded or await read(run_id), None
        return await write(current)

    conflict = f"Run {run_id} is being changed too often. Try again."
    return await optimistic_concurrency.retry_on_conflict(attempt, conflict=conflict)
