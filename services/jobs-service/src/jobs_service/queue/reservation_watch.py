"""Ages of open reservations, by this process's monotonic clock."""

from collections.abc import Iterable
from typing import Final

from jobs_service.queue.capacity import Reservation
from shared.clock import Clock

EXPIRY_SECONDS: Final = 8.0
"""Far longer than an insert takes. With the time to replace a dead leader (5 s), a leak is repaired within 15 s."""


class ReservationWatch:
    """Detects reservations open for too long: their process is frozen or dead.

    No wall clock is compared, so a clock step neither expires nor prolongs a reservation. See ADR 35.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen_since: dict[str, float] = {}

    def expired(self, reservations: Iterable[Reservation]) -> list[Reservation]:
        """Return the open reservations first seen that long ago."""
        now, known = self._clock.monotonic(), list(reservations)
        self._seen_since = {each.id: self._seen_since.get(each.id, now) for each in known}
        return [each for each in known if now - self._seen_since[each.id] >= EXPIRY_SECONDS]

    def clear(self) -> None:
        """Forget all reservations and restart their ages."""
        self._seen_since.clear()
