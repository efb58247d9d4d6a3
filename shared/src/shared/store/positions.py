"""Positions in long lists: by time, then by order within one millisecond."""

from datetime import datetime
from typing import Final

from shared.clock import epoch_ms

PER_MS: Final = 4096
LAST_ORDER: Final = PER_MS - 1
"""The last position within its millisecond."""


def position_of(created_at: datetime, order: int) -> int:
    """Return the position of the `order`-th item of a batch."""
    return epoch_ms(created_at) * PER_MS + order % PER_MS
