"""Optimistic writes of runs: a conflicting write reads the run again."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from jobs_service.runs.ports import LoadedRun
from shared.errors import Unavailable

TRIES: Final = 10

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
    for _ in range(TRIES):
        loaded = loaded or await read(run_id)
        done = await write(loaded)
        if done is not None:
            return done
        loaded = None
    raise Unavailable(f"Run {run_id} is being changed too often. Try again.")
