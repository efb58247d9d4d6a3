"""Where things stand in long lists: by time, then by their order within one millisecond."""

from datetime import datetime
from typing import Final

from shared.clock import epoch_ms

PER_MS: Final = 4096
LAST_ORDER: Final = PER_MS - 1
"""Nothing of its millisecond stands behind it."""


def position_of(created_at: datetime, order: int) -> int:
    """The place of what is the `order`-th of its batch."""
    return epoch_ms(created_at) * PER_MS + order % PER_MS
