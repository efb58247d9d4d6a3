"""Runs are written only over what was read: whoever comes second reads again."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from jobs_service.runs.ports import Seen
from shared.errors import Unavailable

TRIES: Final = 10

S = TypeVar("S", bound=Seen)
T = TypeVar("T")


async def written_over(
    run_id: str,
    read: Callable[[str], Awaitable[S | None]],
    write: Callable[[S | None], Awaitable[T | None]],
    *,
    first: S | None = None,
) -> T:
    """What `write` comes to. While it says None, others were faster, and it is given the run as it is by then.

    `first` is what was read already. Raises Unavailable where others are faster each time.
    """
    seen = first
    for _ in range(TRIES):
        seen = seen or await read(run_id)
        done = await write(seen)
        if done is not None:
            return done
        seen = None
    raise Unavailable(f"run {run_id} keeps changing")
