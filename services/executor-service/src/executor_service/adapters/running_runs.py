"""Which runs this process is working on, so that a cancel from anywhere reaches them."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from shared.contracts.messages import CancelRun, ControlMessage

REMEMBERED_CANCELS: Final = 10_000


class Cancellable(Protocol):
    """A run that can be told to stop."""

    def cancel(self, reason: str) -> None:
        """Stop within a second, whatever is being waited for."""
        ...


class RunningRuns:
    """The runs in hand, and the cancels of runs that have not arrived yet (a bounded memory of them)."""

    def __init__(self) -> None:
        self._running: dict[str, Cancellable] = {}
        self._early: OrderedDict[str, str] = OrderedDict()

    @contextmanager
    def holding(self, run_id: str, run: Cancellable) -> Iterator[None]:
        """While inside, cancels for `run_id` reach `run`, one that came before the run included."""
        self._running[run_id] = run
        reason = self._early.pop(run_id, None)
        if reason is not None:
            run.cancel(reason)
        try:
            yield
        finally:
            del self._running[run_id]

    def on_control(self, message: ControlMessage) -> None:
        """Obey a cancel; other messages are for other services."""
        if not isinstance(message, CancelRun):
            return
        run = self._running.get(message.run_id)
        if run is not None:
            run.cancel(message.reason)
            return
        self._early[message.run_id] = message.reason
        if len(self._early) > REMEMBERED_CANCELS:
            self._early.popitem(last=False)
