"""Ages of open reservations, by the monotonic clock of the process that watches them."""

from collections.abc import Iterable
from typing import Final

from jobs_service.queue.capacity import Reservation
from shared.clock import Clock

EXPIRY_SECONDS: Final = 8.0
"""Far longer than an insert takes. With the time to replace a dead leader (5 s), a leak is repaired within 15 s."""


class ReservationWatch:
    """Tells which reservations have been open for too long: the process that holds one is frozen or dead.

    No wall clock is compared, so a step of a clock neither expires a reservation nor keeps it. See ADR 35.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen_since: dict[str, float] = {}

    def expired(self, reservations: Iterable[Reservation]) -> list[Reservation]:
        """Return those of the open reservations that were seen first so long ago."""
        now, known = self._clock.monotonic(), list(reservations)
        self._seen_since = {each.id: self._seen_since.get(each.id, now) for each in known}
        return [each for each in known if now - self._seen_since[each.id] >= EXPIRY_SECONDS]

    def clear(self) -> None:
        """Forget all reservations. They are watched from the start again."""
        self._seen_since.clear()
