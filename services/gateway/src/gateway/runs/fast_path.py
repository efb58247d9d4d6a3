"""Fast path state: closed while the transient queue's node does not respond."""

import asyncio
from functools import partial
from typing import Final

from shared.observe.logging import get_logger
from shared.on_exit import OnExit
from shared.shared_timeout import SharedTimeout

SLOW_SECONDS: Final = 1.0
"""A healthy node answers in milliseconds."""
CLOSED_SECONDS: Final = 30.0

log = get_logger("fast_path")


class FastPath:
    """State of the fast path: closed after a slow publish; then one call at a time probes the queue.

    The node of a non-replicated queue may hang, or its machine fail silently. Publishes are then neither accepted nor
    refused, for a minute, and every few seconds from there on.
    """

    def __init__(self) -> None:
        self._closed_until = 0.0
        self._publishes = SharedTimeout[None](SLOW_SECONDS, self._on_late)

    @property
    def is_open(self) -> bool:
        """Return whether the next call may take the fast path."""
        return not self._closed_until or asyncio.get_running_loop().time() >= self._closed_until

    def track_publish(self) -> OnExit:
        """Track one publish on the fast path, until the block ends."""
        if self._closed_until:
            self._close()  # for other calls, until this one is answered
        return OnExit(partial(self._end_publish, self._publishes.add(None)))

    def _end_publish(self, number: int) -> None:
        if self._publishes.remove(number):
            self._closed_until = 0.0

    def _on_late(self, _: None) -> None:
        log.warning("fast_path_closed", seconds=CLOSED_SECONDS)
        self._close()

    def _close(self) -> None:
        self._closed_until = asyncio.get_running_loop().time() + CLOSED_SECONDS
