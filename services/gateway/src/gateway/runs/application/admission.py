"""The gate: how many calls this process has in hand at once, of all workspaces and of each."""

from collections.abc import Iterator
from contextlib import contextmanager

from gateway import metrics
from gateway.access.domain.limit_errors import AdmissionClosed


class AdmissionGate:
    """Counts calls in hand; the one too many is refused at once rather than served late.

    A workspace may hold fewer places than there are, so that a flood to one leaves room for the others.
    """

    def __init__(self, limit: int, *, per_workspace: int) -> None:
        self._limit = limit
        self._per_workspace = per_workspace
        self._in_hand = 0
        self._by_workspace: dict[str, int] = {}

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """One call, until its last byte. Raises AdmissionClosed."""
        if self._in_hand >= self._limit:
            raise AdmissionClosed
        self._in_hand += 1
        metrics.CALLS_IN_HAND.set(self._in_hand)
        try:
            yield
        finally:
            self._in_hand -= 1
            metrics.CALLS_IN_HAND.set(self._in_hand)

    @contextmanager
    def admitted_to(self, workspace_id: str) -> Iterator[None]:
        """A call that is admitted, once its workspace is known. Raises AdmissionClosed."""
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
