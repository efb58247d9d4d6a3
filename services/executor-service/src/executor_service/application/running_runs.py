"""Which runs this process is working on, so that a cancel, or a follower, from anywhere reaches them."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from shared.contracts.messages import CancelRun, ControlMessage, FollowRun

REMEMBERED_CANCELS: Final = 10_000
REMEMBERED_SECONDS: Final = 60.0
"""Longer than an attached run waits for a worker. A run may pause and go on much later: an old cancel is not for it."""


class RunInHand(Protocol):
    """A run that can be told to stop, or whom to tell of its events."""

    def cancel(self, reason: str) -> None:
        """Stop within a second, whatever is being waited for."""
        ...

    def follow(self, address: str) -> None:
        """Somebody asks for the run's events."""
        ...


class RunningRuns:
    """The runs in hand, and the cancels of runs that have not arrived yet (a bounded memory of them)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._running: dict[str, RunInHand] = {}
        self._early: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._clock = clock

    @contextmanager
    def holding(self, run_id: str, run: RunInHand) -> Iterator[None]:
        """While inside, cancels for `run_id` reach `run`, one that came before the run included."""
        self._running[run_id] = run
        reason, until = self._early.pop(run_id, ("", 0.0))
        if self._clock() < until:
            run.cancel(reason)
        try:
            yield
        finally:
            if self._running.get(run_id) is run:  # not so where this process took the run over from itself
                del self._running[run_id]

    def on_control(self, message: ControlMessage) -> None:
        """Obey a cancel, and hear of followers; other messages are for other services."""
        match message:
            case CancelRun():
                self._cancel(message)
            case FollowRun(run_id=run_id, reply_to=reply_to) if run_id in self._running:
                self._running[run_id].follow(reply_to)
            case _:
                pass

    def _cancel(self, message: CancelRun) -> None:
        run = self._running.get(message.run_id)
        if run is not None:
            run.cancel(message.reason)
            return
        self._early[message.run_id] = message.reason, self._clock() + REMEMBERED_SECONDS
        if len(self._early) > REMEMBERED_CANCELS:
            self._early.popitem(last=False)
