"""The gate: how many calls this process has in hand at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from gateway import metrics
from gateway.domain.errors import AdmissionClosed


class AdmissionGate:
    """Counts calls in hand; the one too many is refused at once rather than served late."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._in_hand = 0

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
