"""Where runs and deliveries stand: by time, then by their order within one millisecond."""

from datetime import datetime
from typing import Final
from zlib import crc32

from jobs_service.adapters.moments import to_ms

PER_MS: Final = 4096
LAST_ORDER: Final = PER_MS - 1
"""Nothing of its millisecond stands behind it."""


def position_of(created_at: datetime, order: int) -> int:
    """The place of what is the `order`-th of its batch."""
    return to_ms(created_at) * PER_MS + order % PER_MS


def order_of_attached(run_id: str) -> int:
    """A stable order among attached runs of one millisecond."""
    return crc32(run_id.encode())
