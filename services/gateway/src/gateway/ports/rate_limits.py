"""The rate limits' buckets."""

from typing import NamedTuple, Protocol

from gateway.domain.rate_limits import Rate


class Tokens(NamedTuple):
    """What a bucket gave."""

    granted: int
    left: int
    resets_in: float
    """Seconds until there are more."""


class Buckets(Protocol):
    """The rate limits' buckets, shared by all gateways. Every method raises Unavailable."""

    async def take(self, bucket: str, rate: Rate, *, needed: int, spare: int, returned: int) -> Tokens:
        """Put `returned` tokens back, then take `needed` and up to `spare` more; fewer where there are not enough."""
        ...

    async def look(self, bucket: str, rate: Rate) -> Tokens:
        """How it stands; nothing is taken."""
        ...
