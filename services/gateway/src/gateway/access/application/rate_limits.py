"""Buckets that a call counts in: the workspace's, and the key's or address's bucket if there is one.

Unauthenticated calls share one bucket per address.
"""

from functools import lru_cache

from gateway.access.application.rate_limiter import RateLimiter
from gateway.access.domain.credentials import Caller
from gateway.access.domain.limit_errors import RateLimited
from gateway.access.domain.plans import BucketState, Plans, Rate, RateKind


class RateLimits:
    """Rate limits of callers, all with `window_seconds`.

    `per_address` limits all calls from one address, `public_per_address` callers without a key.
    """

    def __init__(
        self,
        limiter: RateLimiter,
        plans: Plans,
        *,
        window_seconds: float,
        per_address: int,
        public_per_address: int,
    ) -> None:
        self._limiter = limiter
        self._plans = plans
        self._window_seconds = window_seconds
        self._per_address = per_address
        self._public_per_address = public_per_address

    async def take(self, caller: Caller, kind: RateKind) -> None:
        """Count one call, except those of sessions. Raises RateLimited, and then counts the call in no bucket."""
        if caller.is_session:
            return
        taken: list[str] = []
        for bucket, rate in self._buckets(caller, kind):
            try:
                await self._limiter.take(bucket, rate)
            except RateLimited:
                for earlier in taken:
                    self._limiter.return_token(earlier)
                raise
            taken.append(bucket)

    async def take_from(self, address: str) -> None:
        """Count one call from the address, from any caller. Raises RateLimited."""
        await self._limiter.take(*self._of_address(address))

    async def state_of_address(self, address: str) -> BucketState:
        """Return the state of an address's bucket as this process knows it, without counting."""
        return await self._limiter.state(*self._of_address(address))

    async def state(self, caller: Caller, kind: RateKind) -> BucketState:
        """Return the bucket with the fewest tokens as this process knows it, without counting."""
        states = [await self._limiter.state(bucket, rate) for bucket, rate in self._buckets(caller, kind)]
        return states[0] if len(states) == 1 else min(states, key=lambda state: state.remaining)

    async def peek(self, caller: Caller, kind: RateKind) -> BucketState:
        """Like `state`, across all gateways. Slower."""
        states = [await self._limiter.peek(bucket, rate) for bucket, rate in self._buckets(caller, kind)]
        return min(states, key=lambda state: state.remaining)

    def _buckets(self, caller: Caller, kind: RateKind) -> list[tuple[str, Rate]]:
        workspace, key = caller.workspace, caller.key
        buckets = [(f"workspace:{workspace.id}:{kind}", self._rate(self._plans[workspace.plan].rates[kind]))]
        if caller.address is not None:
            buckets.insert(0, (f"address:{workspace.id}:{caller.address}", self._rate(self._public_per_address)))
        if key is not None and key.rate_limit is not None:
            # A new limit uses a new bucket, so that a raised limit applies without waiting for a refill.
            buckets.insert(0, (f"key:{key.id}:{key.rate_limit}:{kind}", self._rate(key.rate_limit)))
        return buckets

    def _of_address(self, address: str) -> tuple[str, Rate]:
        return f"address:{address}", self._rate(self._per_address)

    def _rate(self, per_window: int) -> Rate:
        return _rate(per_window, self._window_seconds)


@lru_cache(maxsize=1024)
def _rate(per_window: int, window_seconds: float) -> Rate:
    return Rate(per_window, window_seconds)
