"""The rate limits' buckets, in memory."""

import asyncio

from tests.unit.gateway.clock import HandClock

from gateway.domain.rate_limits import Rate
from gateway.ports import Tokens
from shared.errors import Unavailable


class FakeBuckets:
    """Implements Buckets, and counts the questions. An answer takes `answer_seconds` to arrive."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock
        self.answer_seconds = 0.0
        self.left: dict[str, int] = {}
        self.turned: dict[str, float] = {}
        self.questions = 0
        self.is_down = False

    async def take(self, bucket: str, rate: Rate, *, needed: int, spare: int, returned: int) -> Tokens:
        self._turn(bucket, rate)
        left = min(rate.burst, self.left[bucket] + returned)
        granted = min(left, needed + min(spare, left // 8))
        self.left[bucket] = left - granted
        tokens = Tokens(granted, self.left[bucket], self._resets_in(bucket, rate))
        await asyncio.sleep(0)
        self._clock.advance(self.answer_seconds)
        return tokens

    async def look(self, bucket: str, rate: Rate) -> Tokens:
        self._turn(bucket, rate)
        return Tokens(0, self.left[bucket], self._resets_in(bucket, rate))

    def _turn(self, bucket: str, rate: Rate) -> None:
        self.questions += 1
        if self.is_down:
            raise Unavailable("The store of the rate limits does not answer")
        now = self._clock.monotonic()
        turned = self.turned.setdefault(bucket, now)
        windows = int((now - turned) / rate.window_seconds)
        self.left[bucket] = min(rate.burst, self.left.get(bucket, rate.burst) + windows * rate.per_window)
        self.turned[bucket] = turned + windows * rate.window_seconds

    def _resets_in(self, bucket: str, rate: Rate) -> float:
        return self.turned[bucket] + rate.window_seconds - self._clock.monotonic()
