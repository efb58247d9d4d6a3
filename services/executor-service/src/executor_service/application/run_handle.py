"""A hold on a run that may not have begun yet, for whoever wants to stop it."""

from collections.abc import Callable

from executor_service.engine.execution import Execution


class RunHandle:
    """Passes a cancel on to the execution, now or as soon as there is one."""

    def __init__(self, follow: Callable[[str], None] | None = None) -> None:
        """`follow` is told who else wants the run's events."""
        self._follow = follow
        self._execution: Execution | None = None
        self._reason: str | None = None

    @property
    def cancel_reason(self) -> str | None:
        """Why the run was cancelled; None when it was not."""
        return self._reason

    def cancel(self, reason: str) -> None:
        """Stop the run within a second."""
        self._reason = self._reason or reason
        if self._execution is not None:
            self._execution.cancel()

    def follow(self, address: str) -> None:
        """Somebody asks for the run's events."""
        if self._follow is not None:
            self._follow(address)

    def bind(self, execution: Execution) -> None:
        """From here on a cancel goes to `execution`."""
        self._execution = execution
        if self._reason is not None:
            execution.cancel()
