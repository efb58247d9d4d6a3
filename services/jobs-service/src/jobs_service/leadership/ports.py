"""Storage of leadership leases."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Leadership:
    """Name of a lease and its holder."""

    name: str
    holder: str


class LeaseRepository(Protocol):
    """At most one holder per name."""

    async def hold(self, leadership: Leadership, ttl: timedelta) -> int | None:
        """Take or renew the lease for `ttl`; return the holder's term.

        It increases with every change, also after the holder's own silence. None: another process holds it.
        """

    async def release(self, leadership: Leadership) -> None:
        """Release the lease, so that another process can hold it."""
