"""Rate limiter: token buckets shared by all gateways, spent from local slices without a store call in most cases."""

import asyncio
from collections import OrderedDict, deque
from typing import Final

from gateway import metrics
from gateway.access.domain.limit_errors import RateLimited
from gateway.access.domain.plans import BucketState, Rate
from gateway.access.ports import Buckets, ObservedWindow, Tokens
from shared.clock import Clock
from shared.errors import Unavailable
from shared.observe.logging import get_logger

RETRY_STORE_SECONDS: Final = 1.0
SEEN_SECONDS: Final = 1.0
MAX_BUCKETS: Final = 10_000

log = get_logger("rate_limiter")


class RateLimiter:
    """Limiter that waits for a slow store; while it is unavailable, calls are allowed and counted as unchecked.

    The name of a bucket says which calls it limits; all gateways share the bucket of a name and rate.
    """

    def __init__(self, buckets: Buckets, clock: Clock) -> None:
        self._buckets = buckets
        self._clock = clock
        self._slices: OrderedDict[str, _Slice] = OrderedDict()
        self._outage = _StoreOutage(buckets, clock)

    async def take(self, bucket: str, rate: Rate) -> None:
        """Take one token. Raises RateLimited."""
        held = self._slice(bucket, rate)
        if held.is_current(self._clock.monotonic()):
            if held.spend():
                return
            if held.left == 0:
                raise self._refusal(held)
        if not await self._wait_for_token(bucket, held):
            raise self._refusal(held)

    def return_token(self, bucket: str) -> None:
        """Return an unused token."""
        if bucket in self._slices:
            self._slices[bucket].tokens += 1

    async def state(self, bucket: str, rate: Rate) -> BucketState:
        """Return the bucket's state as this process knows it; without a current slice, read the store once a second."""
        held, now = self._slice(bucket, rate), self._clock.monotonic()
        if held.is_current(now):
            return held.state(now)
        if held.last_state is None or now >= held.looked_at + SEEN_SECONDS:
            held.last_state, held.looked_at = await self.peek(bucket, rate), now
        return held.last_state

    async def peek(self, bucket: str, rate: Rate) -> BucketState:
        """Return the bucket's state across all gateways; full while the store is unavailable."""
        full = BucketState(rate, rate.burst, rate.window_seconds)
        if self._outage.is_ongoing(bucket, rate):
            return full
        held = self._slices.get(bucket)
        observed = held.observed(self._clock.monotonic()) if held is not None else None
        try:
            found = await self._buckets.peek(bucket, rate, observed)
        except Unavailable as error:
            self._outage.begin(error)
            return full
        held = self._slices.get(bucket)
        own = held.tokens if held is not None else 0
        return BucketState(rate, min(rate.burst, found.left + own), found.resets_in)

    def _slice(self, bucket: str, rate: Rate) -> "_Slice":
        held = self._slices.get(bucket)
        if held is None or (held.rate is not rate and held.rate != rate):
            held = self._slices[bucket] = _Slice(rate)
            if len(self._slices) > MAX_BUCKETS:
                self._slices.popitem(last=False)
        self._slices.move_to_end(bucket)
        return held

    def _refusal(self, held: "_Slice") -> RateLimited:
        state = held.state(self._clock.monotonic())
        return RateLimited(self._clock.now(), state.resets_in)

    async def _wait_for_token(self, bucket: str, held: "_Slice") -> bool:
        if self._outage.is_ongoing(bucket, held.rate):
            metrics.RATE_UNCHECKED.inc()
            return True
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        held.waiting.append(waiter)
        if held.request is None:
            held.request = loop.create_task(self._request_tokens(bucket, held))
        return await waiter

    async def _request_tokens(self, bucket: str, held: "_Slice") -> None:
        """Request tokens until no call waits. A reply serves all calls that waited at the request, and more if it can.

        If later calls had to wait for the next request, the queue would grow with every round trip.
        """
        try:
            while held.waiting:
                needed, requested_at = len(held.waiting), self._clock.monotonic()
                returned, held.tokens = held.tokens, 0
                observed = held.observed(requested_at)
                try:
                    grant = await self._buckets.take(
                        bucket, held.rate, needed=needed, spare=held.rate.spare, returned=returned, observed=observed
                    )
                except Unavailable as error:
                    self._outage.begin(error)
                    metrics.RATE_UNCHECKED.inc(len(held.waiting))
                    held.allow_all()
                else:
                    held.fill(grant, requested_at, replied_at=self._clock.monotonic())
                    held.answer(needed)
        finally:
            held.request = None
            held.allow_all()


class _StoreOutage:
    """Store outage. After a failure, a background task probes the store, so that no call waits for it."""

    def __init__(self, buckets: Buckets, clock: Clock) -> None:
        self._buckets = buckets
        self._clock = clock
        self._probe_at: float | None = None
        self._probe: asyncio.Task[None] | None = None

    def begin(self, error: Unavailable) -> None:
        """Record that the store did not respond."""
        self._probe_at = self._clock.monotonic() + RETRY_STORE_SECONDS
        log.warning("rate_limits_unchecked", error=error.message)

    def is_ongoing(self, bucket: str, rate: Rate) -> bool:
        """Return whether the outage continues; start a probe with `bucket` when one is due."""
        if self._probe_at is None:
            return False
        if self._probe is None and self._clock.monotonic() >= self._probe_at:
            self._probe = asyncio.get_running_loop().create_task(self._probe_store(bucket, rate))
        return True

    async def _probe_store(self, bucket: str, rate: Rate) -> None:
        try:
            await self._buckets.peek(bucket, rate, None)
            self._probe_at = None
        except Unavailable as error:
            self.begin(error)
        finally:
            self._probe = None


class _Slice:
    """This process's share of one bucket, until the bucket refills."""

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self.tokens = 0
        self.left = 0
        self.waiting: deque[asyncio.Future[bool]] = deque()
        self.request: asyncio.Task[None] | None = None
        self.last_state: BucketState | None = None
        self.looked_at = 0.0
        self._resets_at = 0.0
        self._window_ms: int | None = None
        self._ends_at = 0.0

    def is_current(self, now: float) -> bool:
        """Return whether the last grant is still valid."""
        return now < self._resets_at

    def spend(self) -> bool:
        """Take a held token, if any."""
        if self.tokens == 0:
            return False
        self.tokens -= 1
        return True

    def fill(self, grant: Tokens, requested_at: float, *, replied_at: float) -> None:
        """Add granted tokens. The store measured `resets_in` at some time between request and reply."""
        self.tokens += grant.granted
        self.left = grant.left
        self._resets_at = requested_at + grant.resets_in
        self._window_ms = grant.began_ms
        self._ends_at = replied_at + grant.resets_in

    def observed(self, now: float) -> ObservedWindow | None:
        """Return the window of the last grant, and its age if the store measured `resets_in` as late as its reply."""
        if self._window_ms is None:
            return None
        return ObservedWindow(self._window_ms, self.rate.window_seconds - (self._ends_at - now))

    def answer(self, count: int) -> None:
        """Give each waiting call a token while they last; the first `count` calls get an answer in any case."""
        for _ in range(max(count, min(self.tokens, len(self.waiting)))):
            waiter = self.waiting.popleft()
            if not waiter.done():
                waiter.set_result(self.spend())

    def allow_all(self) -> None:
        """Allow all waiting calls."""
        while self.waiting:
            waiter = self.waiting.popleft()
            if not waiter.done():
                waiter.set_result(True)

    def state(self, now: float) -> BucketState:
        remaining = min(self.rate.burst, self.left + self.tokens)
        return BucketState(self.rate, remaining, max(0.0, self._resets_at - now))
