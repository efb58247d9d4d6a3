"""The rate limits' buckets, in memory."""

import asyncio

from tests.support.gateway.clock import HandClock

from gateway.access.plans import Rate
from gateway.access.rate_limits import ObservedWindow, Tokens
from shared.errors import Unavailable


class FakeBuckets:
    """Implements Buckets, and counts the requests. An answer takes `answer_seconds` to arrive."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock
        self.answer_seconds = 0.0
        self.left: dict[str, int] = {}
        self.turned: dict[str, float] = {}
        self.questions = 0
        self.is_down = False
        self._ahead_seconds = 0.0

    def step(self, seconds: float) -> None:
        """Step the store's clock."""
        self._ahead_seconds += seconds

    async def take(
        self, bucket: str, rate: Rate, *, needed: int, spare: int, returned: int, observed: ObservedWindow | None
    ) -> Tokens:
        self._turn(bucket, rate, observed)
        left = min(rate.burst, self.left[bucket] + returned)
        granted = min(left, needed + min(spare, left // 8))
        self.left[bucket] = left - granted
        tokens = self._tokens(bucket, rate, granted)
        await asyncio.sleep(0)
        self._clock.advance(self.answer_seconds)
        return tokens

    async def peek(self, bucket: str, rate: Rate, observed: ObservedWindow | None) -> Tokens:
        self._turn(bucket, rate, observed)
        return self._tokens(bucket, rate, 0)

    def _now(self) -> float:
        return self._clock.monotonic() + self._ahead_seconds

    def _turn(self, bucket: str, rate: Rate, observed: ObservedWindow | None) -> None:
        self.questions += 1
        if self.is_down:
            raise Unavailable("The store of the rate limits does not respond")
        now = self._now()
        turned = self.turned.setdefault(bucket, now)
        is_observed = observed is not None and observed.began_ms == round(turned * 1000)
        turned = min(turned, now - observed.age_seconds if observed is not None and is_observed else now)
        windows = int((now - turned) / rate.window_seconds)
        self.left[bucket] = min(rate.burst, self.left.get(bucket, rate.burst) + windows * rate.per_window)
        self.turned[bucket] = turned + windows * rate.window_seconds

    def _tokens(self, bucket: str, rate: Rate, granted: int) -> Tokens:
        resets_in = self.turned[bucket] + rate.window_seconds - self._now()
        return Tokens(granted, self.left[bucket], resets_in, round(self.turned[bucket] * 1000))
