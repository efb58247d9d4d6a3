"""Optimistic concurrency: writes that retry when the document changed since the read."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from shared.errors import Unavailable

TRIES: Final = 5

T = TypeVar("T")


async def written_over(write: Callable[[], Awaitable[T | None]], *, else_say: str, tries: int = TRIES) -> T:
    """Return the result of `write`, which reads first. None from `write` means a conflict, and it runs again.

    Raises Unavailable with the text `else_say` after `tries` conflicts.
    """
    for _ in range(tries):
        done = await write()
        if done is not None:
            return done
    raise Unavailable(else_say, retry_after=1)
