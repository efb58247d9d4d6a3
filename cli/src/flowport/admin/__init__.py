"""Administration of the broker topology and the store's indexes."""

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from flowport.errors import CommandFailed
from shared.errors import Unavailable

T = TypeVar("T")

PAUSE_SECONDS: Final = 2.0


class StoreUnavailable(CommandFailed):
    """The store does not respond."""


def run_when_available(work: Callable[[], Coroutine[Any, Any, T]], *, seconds: float) -> T:
    """Run `work` until it does not fail for an unavailable server, starting it for at most `seconds`.

    Every new reason is printed to standard error. Raises the error of the last attempt.
    """
    deadline, last = time.monotonic() + seconds, ""
    while True:
        try:
            return asyncio.run(work())
        except (Unavailable, StoreUnavailable) as error:
            if time.monotonic() + PAUSE_SECONDS > deadline:
                raise
            if str(error) != last:
                last = str(error)
                sys.stderr.write(f"Waiting: {last}\n")
        time.sleep(PAUSE_SECONDS)
