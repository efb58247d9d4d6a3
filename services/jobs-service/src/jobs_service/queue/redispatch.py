"""When to redispatch an unclaimed run."""

from datetime import datetime, timedelta
from typing import Final

MAX_DELAY: Final = timedelta(minutes=10)
_DOUBLINGS: Final = 10


def is_due(dispatched_at: datetime, dispatches: int, now: datetime, delay: timedelta) -> bool:
    """Return whether to redispatch. Each delay doubles, so that busy workers do not drown in copies.

    A dispatch in the future is due as well: the store's clock was set back since, so its age is unknown.
    """
    is_ahead = dispatched_at - now > delay
    return is_ahead or dispatched_at + _delay_after(dispatches, delay) <= now


def first_dispatch(dispatched_at: datetime, dispatches: int, delay: timedelta) -> datetime:
    """Return when the first of `dispatches` was at the latest, from the last one and the delays between them.

    The store has only the time of the last dispatch.
    """
    delays = (_delay_after(number, delay) for number in range(1, min(dispatches, _DOUBLINGS + 1)))
    longest = _delay_after(_DOUBLINGS + 1, delay) * max(0, dispatches - _DOUBLINGS - 1)
    return dispatched_at - sum(delays, longest)


def _delay_after(dispatches: int, delay: timedelta) -> timedelta:
    doubled: timedelta = delay * (1 << min(max(dispatches - 1, 0), _DOUBLINGS))
    return min(doubled, max(MAX_DELAY, delay))
