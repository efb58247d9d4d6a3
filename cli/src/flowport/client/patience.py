"""How long commands that go on bear with a server that is away, or asks to slow down."""

import time
from collections.abc import Iterator
from typing import Final

from flowport.client.errors import TookTooLong, TryLater

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 2.0
AWAY_SECONDS: Final = 60.0


class Patience:
    """As good as new whenever the server answers. `run_id` is what goes on there meanwhile, if anything does."""

    def __init__(self, run_id: str | None = None) -> None:
        self._run_id = run_id
        self.regain()

    def regain(self) -> None:
        """The server answers."""
        self._since: float | None = None
        self._pauses = pauses()

    def endure(self, error: TryLater) -> None:
        """Wait a little, longer each time. After too long, raises `error`, or TookTooLong where a run goes on."""
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        if now - self._since >= AWAY_SECONDS:
            raise TookTooLong(f"the run {self._run_id} is not heard of: {error}") if self._run_id else error
        time.sleep(next(self._pauses))


def pauses() -> Iterator[float]:
    """Between two questions about the same thing, in seconds."""
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 1.5, LONGEST_PAUSE)
