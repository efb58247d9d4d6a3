"""Port of rate limit buckets."""

from typing import NamedTuple, Protocol

from gateway.access.domain.rate_limits import Rate


class Tokens(NamedTuple):
    """Tokens granted by a bucket."""

    granted: int
    left: int
    resets_in: float
    """Seconds until the next refill."""
    began_ms: int
    """Start of the bucket's window, by the store's clock."""


class ObservedWindow(NamedTuple):
    """Window that the process measured by its monotonic clock. The store uses it when its own clock was set back."""

    began_ms: int
    """Window start, as the store reported it."""
    age_seconds: float
    """Minimum age of the window."""


class Buckets(Protocol):
    """Rate limit buckets, shared by all gateways. Every method raises Unavailable."""

    async def take(
        self, bucket: str, rate: Rate, *, needed: int, spare: int, returned: int, observed: ObservedWindow | None
    ) -> Tokens:
        """Return `returned` tokens, then take `needed` and up to `spare` more, or as many as there are."""

    async def peek(self, bucket: str, rate: Rate, observed: ObservedWindow | None) -> Tokens:
        """Return the bucket's state, taking nothing."""
