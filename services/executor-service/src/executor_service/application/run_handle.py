"""A hold on a run that may not have begun yet, for whoever wants to stop it."""

from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager


class RunHandle:
    """Passes a cancel on to whatever is done for the run, now or as soon as something is."""

    def __init__(self, follow: Callable[[str], None] | None = None, *, heeds: Container[str] | None = None) -> None:
        """`follow` is told who else wants the run's events. `heeds`: for which reasons it stops, if not for any."""
        self._follow = follow
        self._heeds = heeds
        self._stop: Callable[[], object] | None = None
        self._reason: str | None = None

    @property
    def cancel_reason(self) -> str | None:
        """Why the run was cancelled; None when it was not."""
        return self._reason

    def cancel(self, reason: str) -> None:
        """Stop the run within a second."""
        if self._heeds is not None and reason not in self._heeds:
            return
        self._reason = self._reason or reason
        if self._stop is not None:
            self._stop()

    def follow(self, address: str) -> None:
        """Somebody asks for the run's events."""
        if self._follow is not None:
            self._follow(address)

    @contextmanager
    def passing_to(self, stop: Callable[[], object]) -> Iterator[None]:
        """While inside, a cancel calls `stop`; one that was before calls it now."""
        self._stop = stop
        if self._reason is not None:
            stop()
        try:
            yield
        finally:
            self._stop = None
