"""Leader election: one process works; the others take over when its lease ends."""

from datetime import timedelta

from jobs_service import metrics
from jobs_service.leadership.ports import Leadership, LeaseRepository
from shared.clock import Clock


class Leader:
    """Leadership of this process in one role."""

    def __init__(self, leases: LeaseRepository, leadership: Leadership, ttl: timedelta, clock: Clock) -> None:
        self._leadership = leadership
        self._leases = leases
        self._ttl = ttl
        self._clock = clock
        self._confirmed_at = 0.0
        self._term: int | None = None

    async def term(self) -> int | None:
        """Return this process's term, None while another leads. Polls the store at intervals.

        Raises Unavailable; without the store, leadership is unknown, and the term may later prove unchanged.
        """
        now = self._clock.monotonic()
        if self._term is None or now - self._confirmed_at > self._ttl.total_seconds() / 3:
            leading = metrics.LEADING.labels(self._leadership.name)
            try:
                self._term = await self._leases.hold(self._leadership, self._ttl)
            except BaseException:  # a step that takes too long is cancelled
                leading.set(0)
                raise
            self._confirmed_at = now
            leading.set(self._term is not None)
        return self._term

    async def resign(self) -> None:
        """Release the lease, so that another process can lead."""
        if self._term is not None:
            self._term = None
            metrics.LEADING.labels(self._leadership.name).set(0)
            await self._leases.release(self._leadership)
