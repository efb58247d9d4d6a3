"""Admission of calls: limits how many this process handles concurrently, overall and per workspace."""

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
        metrics.CALLS_IN_FLIGHT.set_function(lambda: self._in_flight)

    def admit(self) -> None:
        """Admit one call, which must `leave` after its last byte. Raises AdmissionClosed."""
        if self._in_flight >= self._limit:
            raise AdmissionClosed
        self._in_flight += 1

    def leave(self) -> None:
        """End an admitted call."""
        self._in_flight -= 1

    def admit_to(self, workspace_id: str) -> None:
        """Count an admitted call to its workspace, until `leave_workspace`. Raises AdmissionClosed."""
        in_flight = self._by_workspace.get(workspace_id, 0)
        if in_flight >= self._per_workspace:
            raise AdmissionClosed
        self._by_workspace[workspace_id] = in_flight + 1

    def leave_workspace(self, workspace_id: str) -> None:
        """End an admitted call to this workspace."""
        left = self._by_workspace[workspace_id] - 1
        if left:
            self._by_workspace[workspace_id] = left
        else:
            del self._by_workspace[workspace_id]
