"""The store's wall clock, watched from this process."""

from datetime import datetime, timedelta


class StoreClock:
    """Detects when the store's clock jumps ahead: it advances further than this process's monotonic clock.

    `tolerance` is the smallest jump that counts.
    """

    def __init__(self, tolerance: timedelta) -> None:
        self._tolerance = tolerance
        self._latest_start: datetime | None = None

    def jumped(self, now: datetime, *, sent_at: float, received_at: float) -> bool:
        """Return whether the clock jumped since the last reading.

        The store read `now` between `sent_at` and `received_at` of the monotonic clock, so that clock's zero is known
        up to the response time. A slow response is no jump.
        """
        earliest = now - timedelta(seconds=received_at)
        has_jumped = self._latest_start is not None and earliest - self._latest_start > self._tolerance
        self._latest_start = now - timedelta(seconds=sent_at)
        return has_jumped
