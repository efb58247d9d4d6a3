"""Changes that are written only over what was read: whoever comes second reads again."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from shared.errors import Unavailable

TRIES: Final = 5

T = TypeVar("T")


async def written_over(write: Callable[[], Awaitable[T | None]], *, else_say: str, tries: int = TRIES) -> T:
    """What `write` comes to, which reads first. While it says None, others were faster, and it is asked again.

    Raises Unavailable, with the words of `else_say`, where others are faster each time.
    """
    for _ in range(tries):
        done = await write()
        if done is not None:
            return done
    raise Unavailable(else_say, retry_after=1)
