"""Whether calls are offered to the express queue: not while its node leaves them without an answer."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from shared.observe.logging import get_logger

SLOW_SECONDS: Final = 1.0
"""A node that is there answers in milliseconds."""
REST_SECONDS: Final = 30.0

log = get_logger("express_way")


class FastPath:
    """Closed once a call has waited too long for its answer; then one call at a time tries whether that is over.

    The node of a queue that is not replicated may hang, or its machine be gone without a word. What is published to it
    is neither taken nor refused then, for a minute, and every few seconds from there on.
    """

    def __init__(self) -> None:
        self._closed_until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the next call may take it."""
        return asyncio.get_running_loop().time() >= self._closed_until

    @contextmanager
    def taken(self) -> Iterator[None]:
        """One call is offered inside the block."""
        loop = asyncio.get_running_loop()
        if self._closed_until:
            self._close()  # to others, until this one has its answer
        waits_long = loop.call_later(SLOW_SECONDS, self._give_up)
        try:
            yield
        finally:
            waits_long.cancel()
            if loop.time() < waits_long.when():
                self._closed_until = 0.0

    def _give_up(self) -> None:
        log.warning("the express queue does not answer; calls take the longer way", seconds=REST_SECONDS)
        self._close()

    def _close(self) -> None:
        self._closed_until = asyncio.get_running_loop().time() + REST_SECONDS
