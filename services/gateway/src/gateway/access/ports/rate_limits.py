"""The rate limits' buckets."""

from typing import NamedTuple, Protocol

from gateway.access.domain.rate_limits import Rate


class Tokens(NamedTuple):
    """What a bucket gave."""

    granted: int
    left: int
    resets_in: float
    """Seconds until there are more."""
    began_ms: int
    """When the window of the bucket began, by the store's clock."""


class ObservedWindow(NamedTuple):
    """A window that the process measured by its monotonic clock. The store uses it when its own clock was set back."""

    began_ms: int
    """The window, as the store named it."""
    age_seconds: float
    """How long ago it began, at least."""


class Buckets(Protocol):
    """The rate limits' buckets, shared by all gateways. Every method raises Unavailable."""

    async def take(
        self, bucket: str, rate: Rate, *, needed: int, spare: int, returned: int, observed: ObservedWindow | None
    ) -> Tokens:
        """Put `returned` tokens back, then take `needed` and up to `spare` more; fewer where there are not enough."""
        ...

    async def look(self, bucket: str, rate: Rate, observed: ObservedWindow | None) -> Tokens:
        """How it stands; nothing is taken."""
        ...
