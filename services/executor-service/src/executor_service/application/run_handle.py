"""Handle for stopping a run that may not have started yet."""

from collections.abc import Callable, Container

from shared.on_exit import OnExit


class RunHandle:
    """Forwards a cancel to the run's current task, or to its next one."""

    def __init__(
        self, follow: Callable[[str], None] | None = None, *, cancel_reasons: Container[str] | None = None
    ) -> None:
        """`follow` receives the addresses of further followers.

        `cancel_reasons`: the reasons for which the run stops; all by default.
        """
        self._follow = follow
        self._cancel_reasons = cancel_reasons
        self._stop: Callable[[], object] | None = None
        self._reason: str | None = None

    @property
    def cancel_reason(self) -> str | None:
        """Return why the run was canceled; None if it was not."""
        return self._reason

    def cancel(self, reason: str) -> None:
        """Stop the run within a second."""
        if self._cancel_reasons is not None and reason not in self._cancel_reasons:
            return
        self._reason = self._reason or reason
        if self._stop is not None:
            self._stop()

    def follow(self, address: str) -> None:
        """Add a follower of the run's events."""
        if self._follow is not None:
            self._follow(address)

    def forward_cancels(self, stop: Callable[[], object]) -> OnExit:
        """Call `stop` on a cancel until the block ends, or immediately if already canceled."""
        self._stop = stop
        if self._reason is not None:
            stop()
        return OnExit(self._keep_cancels)

    def _keep_cancels(self) -> None:
        self._stop = None
