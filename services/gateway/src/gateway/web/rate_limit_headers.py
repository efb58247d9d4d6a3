"""Rate limits of endpoints: counting, caller addresses and response headers."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.types import Scope

from gateway.access.credentials import Caller
from gateway.access.models import RateLimited
from gateway.access.passwords import Network, caller_address
from gateway.access.plans import BucketState, RateKind
from gateway.access.rate_limits import RateLimits
from shared.clock import Clock, iso

RawHeaders = Sequence[tuple[bytes, bytes]]
_SCOPE_KEY: Final = "rate_shown"
_ADDRESS: Final = b"address"


class RateLimitHeaders:
    """Rate limits for endpoints.

    After `show`, any response to the request carries the caller's limits.
    """

    def __init__(self, limits: RateLimits, clock: Clock, *, trusted: Sequence[Network]) -> None:
        self._limits = limits
        self._clock = clock
        self._trusted = trusted

    def show(self, request: Request, caller: Caller, kind: RateKind, *, iso_dates: bool = False) -> None:
        """Send the limit of `kind` with the response; with `iso_dates` the reset is a date, not epoch seconds."""
        state = partial(self._limits.state, caller, kind)
        request.scope[_SCOPE_KEY] = _ShownLimit(kind.encode(), state, self._clock, iso_dates=iso_dates)

    async def count(self, request: Request, caller: Caller, kind: RateKind, *, iso_dates: bool = True) -> None:
        """Count the request, and show its limit, by default as newer APIs do. Raises RateLimited."""
        self.show(request, caller, kind, iso_dates=iso_dates)
        await self._limits.take(caller, kind)

    async def count_address(self, request: Request) -> None:
        """Count the request by address, before authentication.

        Raises RateLimited; only then the response shows this limit.
        """
        address = self.address_of(request)
        try:
            await self._limits.take_from(address)
        except RateLimited:
            state = partial(self._limits.state_of_address, address)
            request.scope[_SCOPE_KEY] = _ShownLimit(_ADDRESS, state, self._clock, iso_dates=True)
            raise

    def address_of(self, request: Request) -> str:
        """Return the address that a caller without a key is counted by."""
        peer = request.client.host if request.client else ""
        forwarded = ",".join(request.headers.getlist("x-forwarded-for"))  # some proxies add a separate line
        return caller_address(peer, forwarded, self._trusted)


class _ShownLimit:
    def __init__(
        self, name: bytes, state: Callable[[], Awaitable[BucketState]], clock: Clock, *, iso_dates: bool
    ) -> None:
        self._name = name
        self._state = state
        self._clock = clock
        self._iso_dates = iso_dates

    async def lines(self) -> RawHeaders:
        state = await self._state()
        name, rate, left, reset = self._name, state.rate, state.remaining, state.reset_seconds
        window = max(1, round(rate.window_seconds))
        return (
            (b"x-ratelimit-limit", b"%d" % rate.burst),
            (b"x-ratelimit-remaining", b"%d" % left),
            (b"x-ratelimit-reset", self._reset(state, reset)),
            (b"ratelimit-policy", b'"%s";q=%d;w=%d' % (name, rate.per_window, window)),
            (b"ratelimit", b'"%s";r=%d;t=%d' % (name, left, reset)),
        )

    def _reset(self, state: BucketState, seconds: int) -> bytes:
        now = self._clock.now()
        if self._iso_dates:
            return iso(now + timedelta(seconds=state.resets_in)).encode()
        return b"%d" % (int(now.timestamp()) + seconds)


async def limit_headers(scope: Scope) -> RawHeaders:
    """Return the response headers of this request; none before its caller is known, or refused."""
    shown: _ShownLimit | None = scope.get(_SCOPE_KEY)
    return () if shown is None else await shown.lines()
