"""When to redispatch an unclaimed run."""

from datetime import datetime, timedelta
from typing import Final

MAX_DELAY: Final = timedelta(minutes=10)


def is_due(dispatched_at: datetime, dispatches: int, now: datetime, delay: timedelta) -> bool:
    """Return whether to redispatch. Each delay doubles, so that busy workers do not drown in copies.

    A dispatch in the future is due as well: the store's clock was set back since, so its age is unknown.
    """
    doubled = delay * (1 << min(max(dispatches - 1, 0), 10))
    is_ahead = dispatched_at - now > delay
    return is_ahead or dispatched_at + min(doubled, max(MAX_DELAY, delay)) <= now
