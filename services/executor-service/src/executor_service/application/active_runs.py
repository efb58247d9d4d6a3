"""Active runs of this process, so that cancels and followers reach them."""

import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from shared.contracts.messages import CancelRun, ControlMessage, FollowRun
from shared.on_exit import OnExit

MAX_EARLY_CANCELS: Final = 10_000
EARLY_CANCEL_SECONDS: Final = 60.0
"""Longer than an attached run waits for a worker.

A run may pause and continue much later: an old cancel does not apply to it.
"""


_NO_CANCEL: Final = ("", 0.0)


class ActiveRun(Protocol):
    """A run that can be stopped and followed."""

    def cancel(self, reason: str) -> None:
        """Stop within a second, whatever the run waits for."""

    def follow(self, address: str) -> None:
        """Add a follower of the run's events."""


class ActiveRuns:
    """Active runs, and a bounded number of cancels for runs that have not arrived yet."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._running: dict[str, ActiveRun] = {}
        self._early_cancels: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._clock = clock

    def track(self, run_id: str, run: ActiveRun) -> OnExit:
        """Deliver cancels for `run_id` to `run` until the block ends, including an earlier one."""
        self._running[run_id] = run
        reason, until = self._early_cancels.pop(run_id, _NO_CANCEL)
        if until and self._clock() < until:
            run.cancel(reason)
        return OnExit(partial(self._untrack, run_id, run))

    def _untrack(self, run_id: str, run: ActiveRun) -> None:
        if self._running.get(run_id) is run:  # false if this process claimed the run again
            del self._running[run_id]

    def handle_control(self, message: ControlMessage) -> None:
        """Apply a cancel or add a follower; ignore other services' messages."""
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
        self._early_cancels[message.run_id] = message.reason, self._clock() + EARLY_CANCEL_SECONDS
        if len(self._early_cancels) > MAX_EARLY_CANCELS:
            self._early_cancels.popitem(last=False)
