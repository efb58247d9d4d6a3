"""One process at a time does the work; the others stand by and take over when its lease ends."""

from datetime import timedelta

from jobs_service.ports import Leadership, Leases
from shared.clock import Clock


class Leader:
    """This process's candidacy for one leadership."""

    def __init__(self, leases: Leases, leadership: Leadership, ttl: timedelta, clock: Clock) -> None:
        self.leadership = leadership
        self._leases = leases
        self._ttl = ttl
        self._clock = clock
        self._confirmed_at: float | None = None

    async def leads(self) -> bool:
        """Whether this process leads; asks the store when a third of the lease has passed."""
        now = self._clock.monotonic()
        if self._confirmed_at is None or now - self._confirmed_at > self._ttl.total_seconds() / 3:
            held = await self._leases.hold(self.leadership, self._ttl)
            self._confirmed_at = now if held else None
        return self._confirmed_at is not None

    def lost(self) -> None:
        """Another process was seen to lead."""
        self._confirmed_at = None

    async def leave(self) -> None:
        """Let the next one in at once."""
        if self._confirmed_at is not None:
            self._confirmed_at = None
            await self._leases.leave(self.leadership)
