"""Rate limits: the tokens that this process holds, and the limits of callers."""

import asyncio
from collections import OrderedDict, deque
from functools import lru_cache
from typing import Any, Final, NamedTuple

import pymongo
from pymongo import WriteConcern

from gateway import metrics
from gateway.access.credentials import Caller
from gateway.access.models import RateLimited
from gateway.access.plans import BucketState, Plans, Rate, RateKind
from shared.clock import Clock
from shared.errors import Unavailable
from shared.observe.logging import get_logger
from shared.store.client import Document, Store, store_call
from shared.store.find_and_modify import FindAndModify
from shared.store.indexes import Index, ascending
from shared.store.server_time import NOW_MS

RETRY_STORE_SECONDS: Final = 1.0


SEEN_SECONDS: Final = 1.0


MAX_BUCKETS: Final = 10_000


log = get_logger("rate_limiter")


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


class BucketStore:
    """Implements BucketStore."""

    def __init__(self, store: Store) -> None:
        self._buckets = store.collection(BUCKETS).with_options(write_concern=WriteConcern(w=1))
        self._takes = FindAndModify(store, self._buckets, GRANT)

    @store_call
    async def take(
        self, bucket: str, rate: Rate, *, needed: int, spare: int, returned: int, observed: ObservedWindow | None
    ) -> Tokens:
        stages = [*_refill_stages(rate, observed), *_take_stages(rate, needed=needed, spare=spare, returned=returned)]
        with pymongo.timeout(STORE_SECONDS):
            granted = await self._takes.update(bucket, stages)
        if granted is None:
            raise Unavailable("the rate limit store returned no grant")
        return _grant(granted, rate)

    @store_call
    async def peek(self, bucket: str, rate: Rate, observed: ObservedWindow | None) -> Tokens:
        stages: list[Document] = [
            {"$match": {"_id": bucket}},
            *_refill_stages(rate, observed),
            {"$set": {"granted": 0}},
        ]
        with pymongo.timeout(STORE_SECONDS):
            found = await (await self._buckets.aggregate(stages)).to_list(1)
        return _grant(found[0], rate) if found else Tokens(0, rate.burst, rate.window_seconds, began_ms=0)


class RateLimiter:
    """Limiter that waits for a slow store; while it is unavailable, calls are allowed and counted as unchecked.

    The name of a bucket says which calls it limits; all gateways share the bucket of a name and rate.
    """

    def __init__(self, buckets: BucketStore, clock: Clock) -> None:
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

    def __init__(self, buckets: BucketStore, clock: Clock) -> None:
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
        buckets = [(f"workspace:{workspace.id}:{kind}", self._rate(self._plans[workspace.plan].rate(kind)))]
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


BUCKETS: Final = "rate_buckets"


STORE_SECONDS: Final = 5.0
"""Short, because a call is served even if its rate limit cannot be checked."""


STORED_WINDOWS: Final = 10


GRANT: Final = ("granted", "tokens", "turned_ms", "now_ms")
"""Fields with the result of a take."""


PLENTY: Final = 8
"""A process takes spare tokens only up to this fraction of those left, so that none are stranded at the end."""


BUCKET_INDEXES: Final = (Index(BUCKETS, ascending("expires_at"), expire_after_seconds=0),)


def _refill_stages(rate: Rate, observed: ObservedWindow | None) -> list[Document]:
    """Add the tokens of every window that has ended.

    After the store's clock was set back, `observed` gives the age of the window. Without it the window starts again:
    left as it is, it would refuse all callers until the clock has caught up.
    """
    latest: str | Document = "$now_ms"
    if observed is not None:
        aged = {"$subtract": ["$now_ms", int(observed.age_seconds * 1000)]}
        latest = {"$cond": [{"$eq": ["$turned_ms", observed.began_ms]}, aged, "$now_ms"]}
    window_ms = _milliseconds(rate)
    windows = {"$toLong": {"$floor": {"$divide": [{"$subtract": ["$now_ms", "$turned_ms"]}, window_ms]}}}
    filled = {"$add": ["$tokens", {"$multiply": ["$windows", rate.per_window]}]}
    return [
        {"$set": {"now_ms": NOW_MS, "tokens": {"$ifNull": ["$tokens", rate.burst]}}},
        {"$set": {"turned_ms": {"$min": [{"$ifNull": ["$turned_ms", "$now_ms"]}, latest]}}},
        {"$set": {"windows": windows}},
        {
            "$set": {
                "tokens": {"$min": [rate.burst, filled]},
                "turned_ms": {"$add": ["$turned_ms", {"$multiply": ["$windows", window_ms]}]},
            }
        },
    ]


def _take_stages(rate: Rate, *, needed: int, spare: int, returned: int) -> list[Document]:
    plenty = {"$toLong": {"$floor": {"$divide": ["$tokens", PLENTY]}}}
    return [
        {"$set": {"tokens": {"$min": [rate.burst, {"$add": ["$tokens", returned]}]}}},
        {"$set": {"granted": {"$min": ["$tokens", {"$add": [needed, {"$min": [spare, plenty]}]}]}}},
        {
            "$set": {
                "tokens": {"$subtract": ["$tokens", "$granted"]},
                "expires_at": {"$toDate": {"$add": ["$now_ms", STORED_WINDOWS * _milliseconds(rate)]}},
            }
        },
    ]


def _grant(document: Any, rate: Rate) -> Tokens:
    began_ms = int(document["turned_ms"])
    resets_ms = began_ms + _milliseconds(rate) - document["now_ms"]
    return Tokens(int(document["granted"]), int(document["tokens"]), resets_ms / 1000, began_ms)


def _milliseconds(rate: Rate) -> int:
    return round(rate.window_seconds * 1000)
