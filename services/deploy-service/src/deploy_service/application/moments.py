"""Wall time as it is kept."""

from datetime import datetime

from shared.clock import Clock


def moment(clock: Clock) -> datetime:
    """Now, in whole milliseconds: what the store keeps and callers see."""
    now = clock.now()
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
