"""Admission of calls: limits how many this process handles at once, overall and per workspace."""

from collections.abc import Iterator
from contextlib import contextmanager

from gateway import metrics
from gateway.access.domain.limit_errors import AdmissionClosed


class AdmissionGate:
    """Counter of calls in progress; calls over the limit are refused rather than served late.

    The limit per workspace is lower than the total, so that a flood to one leaves room for others.
    """

    def __init__(self, limit: int, *, per_workspace: int) -> None:
        self._limit = limit
        self._per_workspace = per_workspace
        self._in_flight = 0
        self._by_workspace: dict[str, int] = {}

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Admit one call, until its last byte. Raises AdmissionClosed."""
        if self._in_flight >= self._limit:
            raise AdmissionClosed
        self._in_flight += 1
        metrics.CALLS_IN_FLIGHT.set(self._in_flight)
        try:
            yield
        finally:
            self._in_flight -= 1
            metrics.CALLS_IN_FLIGHT.set(self._in_flight)

    @contextmanager
    def admitted_to(self, workspace_id: str) -> Iterator[None]:
        """Count an admitted call to its workspace. Raises AdmissionClosed."""
        in_hand = self._by_workspace.get(workspace_id, 0)
        if in_hand >= self._per_workspace:
            raise AdmissionClosed
        self._by_workspace[workspace_id] = in_hand + 1
        try:
            yield
        finally:
            self._leave(workspace_id)

    def _leave(self, workspace_id: str) -> None:
        left = self._by_workspace[workspace_id] - 1
        if left:
            self._by_workspace[workspace_id] = left
        else:
            del self._by_workspace[workspace_id]
