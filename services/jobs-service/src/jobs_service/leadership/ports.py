"""Who leads where one process works at a time."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Leadership:
    """Who leads: the name of the lease and its holder."""

    name: str
    holder: str


class Leases(Protocol):
    """At most one holder per name."""

    async def hold(self, leadership: Leadership, ttl: timedelta) -> int | None:
        """Take or keep the lease for `ttl`; the number of the holder's term.

        It grows with every change, also where the holder itself was silent for longer. None: somebody else has it.
        """
        ...

    async def leave(self, leadership: Leadership) -> None:
        """Let the next one in at once."""
        ...
