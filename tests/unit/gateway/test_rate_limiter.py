"""Buckets that are spent in slices: how often the store is queried, and that callers never exceed the limit."""

import asyncio

import pytest
from prometheus_client import REGISTRY
from tests.support.gateway.buckets import FakeBuckets
from tests.support.gateway.clock import HandClock

from gateway.access.models import RateLimited
from gateway.access.plans import Rate
from gateway.access.rate_limits import RateLimiter

RATE = Rate(600, 60.0)


class Fleet:
    """Gateways that share one store."""

    def __init__(self, count: int = 1) -> None:
        self.clock = HandClock()
        self.buckets = FakeBuckets(self.clock)
        self.limiters = [RateLimiter(self.buckets, self.clock) for _ in range(count)]

    async def is_let_in(self, gateway: int = 0, rate: Rate = RATE) -> bool:
        try:
            await self.limiters[gateway].take("b", rate)
        except RateLimited:
            return False
        return True

    async def allow_all(self, calls: int, *, gateways: int = 1, rate: Rate = RATE) -> int:
        """Return how many of `calls` concurrent calls pass, dealt out to the gateways round robin."""
        return sum(await asyncio.gather(*(self.is_let_in(n % gateways, rate) for n in range(calls))))


def calls_unchecked() -> float:
    """Return the metrics that operators see."""
    return REGISTRY.get_sample_value("flowport_gateway_rate_unchecked_total") or 0.0


async def test_a_full_bucket_admits_twice_the_rate_and_no_more() -> None:
    fleet = Fleet()
    assert await fleet.allow_all(3000) == 1200


async def test_each_window_adds_the_rate() -> None:
    fleet = Fleet()
    await fleet.allow_all(1200)
    fleet.clock.advance(59.9)
    assert await fleet.allow_all(5) == 0
    fleet.clock.advance(0.1)
    assert await fleet.allow_all(1000) == 600
    fleet.clock.advance(600)
    assert await fleet.allow_all(3000) == 1200


@pytest.mark.parametrize("step_seconds", [-30, 30])
async def test_a_caller_that_waits_as_long_as_required_is_admitted_despite_clock_steps(
    step_seconds: float,
) -> None:
    fleet = Fleet()
    await fleet.allow_all(1200)
    fleet.clock.advance(17.5)
    with pytest.raises(RateLimited) as refused:
        await fleet.limiters[0].take("b", RATE)
    fleet.buckets.step(step_seconds)
    assert refused.value.retry_after is not None
    fleet.clock.advance(refused.value.retry_after)
    assert await fleet.allow_all(1000) == 600


async def test_a_clock_that_is_set_back_adds_no_token_before_the_window_has_passed() -> None:
    fleet = Fleet()
    await fleet.allow_all(1200)
    fleet.buckets.step(-30)
    fleet.clock.advance(50)
    state = await fleet.limiters[0].peek("b", RATE)
    assert (state.remaining, state.reset_seconds) == (0, 10)
    fleet.clock.advance(10)
    assert await fleet.allow_all(1000) == 600


async def test_several_gateways_share_one_bucket_to_the_last_token() -> None:
    fleet = Fleet(3)
    assert await fleet.allow_all(4000, gateways=3) == 1200


async def test_an_idle_gateway_reserves_at_most_one_percent_and_returns_it_with_its_next_call() -> None:
    fleet = Fleet(2)
    assert await fleet.is_let_in(1)
    assert await fleet.allow_all(2000) == 1200 - 1 - 12
    fleet.clock.advance(60)
    assert await fleet.is_let_in(1)
    assert await fleet.allow_all(2000) == 600 + 12 - 1 - 12


async def test_most_calls_do_not_query_the_store() -> None:
    fleet = Fleet()
    for _ in range(1000):
        assert await fleet.is_let_in()
    assert fleet.buckets.questions < 100


async def test_a_huge_bucket_is_rarely_queried() -> None:
    fleet, rate = Fleet(), Rate(1_000_000_000, 60.0)
    for _ in range(1000):
        assert await fleet.is_let_in(rate=rate)
    assert fleet.buckets.questions == 1


async def test_concurrent_waiters_share_one_query() -> None:
    fleet = Fleet()
    assert await fleet.allow_all(500) == 500
    assert fleet.buckets.questions <= 3


async def test_callers_arriving_during_a_query_share_it() -> None:
    fleet, rate, calls = Fleet(), Rate(1_000_000_000, 60.0), []
    for _ in range(50):
        calls.append(asyncio.create_task(fleet.is_let_in(rate=rate)))
        await asyncio.sleep(0)
    assert all(await asyncio.gather(*calls))
    assert fleet.buckets.questions == 1


async def test_an_empty_bucket_is_not_queried_again_before_it_refills() -> None:
    fleet = Fleet()
    await fleet.allow_all(1200)
    await fleet.allow_all(1)
    questions = fleet.buckets.questions
    await fleet.allow_all(500)
    assert fleet.buckets.questions == questions


async def test_a_refusal_has_the_time_of_the_next_tokens() -> None:
    fleet = Fleet()
    await fleet.allow_all(1200)
    fleet.clock.advance(17.5)
    with pytest.raises(RateLimited) as refused:
        await fleet.limiters[0].take("b", RATE)
    assert refused.value.retry_after == 43


async def test_a_token_that_was_not_used_is_used_by_another() -> None:
    fleet = Fleet()
    await fleet.allow_all(1200)
    fleet.limiters[0].return_token("b")
    assert await fleet.allow_all(2) == 1


async def test_during_a_store_outage_every_call_is_allowed_and_the_store_queried_once_a_second() -> None:
    fleet, unchecked = Fleet(), calls_unchecked()
    fleet.buckets.is_down = True
    assert await fleet.allow_all(5000) == 5000
    assert await fleet.is_let_in()
    assert fleet.buckets.questions == 1
    fleet.clock.advance(1)
    assert await fleet.allow_all(10) == 10
    assert fleet.buckets.questions == 2
    assert calls_unchecked() - unchecked == 5011


async def test_the_limit_applies_again_once_the_store_is_available() -> None:
    fleet = Fleet()
    fleet.buckets.is_down = True
    await fleet.allow_all(10)
    fleet.buckets.is_down = False
    fleet.clock.advance(1)
    assert await fleet.is_let_in()
    await asyncio.sleep(0)
    assert await fleet.allow_all(3000) == 1200


async def test_no_call_waits_for_an_unavailable_store() -> None:
    fleet = Fleet()
    fleet.buckets.is_down = True
    await fleet.is_let_in()
    fleet.clock.advance(1)
    before = fleet.buckets.questions
    assert await fleet.is_let_in()
    assert fleet.buckets.questions == before


async def test_a_slow_store_is_awaited_and_admits_calls_by_the_rule() -> None:
    fleet, rate, unchecked = Fleet(2), Rate(50, 10.0), calls_unchecked()
    fleet.buckets.answer_seconds = 3.0
    began, allow_all = fleet.clock.monotonic(), 0
    while fleet.clock.monotonic() - began < 600:
        allow_all += await fleet.allow_all(64, gateways=2, rate=rate)
        fleet.clock.advance(0.1)
    left = fleet.buckets.left["b"]
    rule = rate.burst + rate.per_window * int((fleet.buckets.turned["b"] - began) / rate.window_seconds)
    assert 0 <= rule - allow_all - left <= 2 * rate.spare
    assert calls_unchecked() == unchecked


async def test_a_cancelled_waiter_takes_no_token() -> None:
    fleet = Fleet()
    waiting = asyncio.create_task(fleet.is_let_in())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert await fleet.allow_all(2000) == 1200


async def test_another_rate_counts_from_the_next_call_on() -> None:
    fleet = Fleet()
    await fleet.allow_all(1200)
    assert not await fleet.is_let_in()
    fleet.clock.advance(60)
    assert await fleet.is_let_in(rate=Rate(5000, 60.0))


async def test_the_state_of_a_bucket_is_read_without_taking_tokens() -> None:
    fleet = Fleet(2)
    for gateway in (0, 1):
        state = await fleet.limiters[gateway].peek("b", RATE)
        assert (state.remaining, state.reset_seconds) == (1200, 60)
    await fleet.allow_all(10)
    assert (await fleet.limiters[0].state("b", RATE)).remaining == 1190
    assert (await fleet.limiters[0].peek("b", RATE)).remaining == 1190


async def test_reading_the_state_queries_the_store_once_a_second() -> None:
    fleet = Fleet(2)
    for _ in range(100):
        assert (await fleet.limiters[0].state("b", RATE)).remaining == 1200
    assert fleet.buckets.questions == 1
    assert await fleet.is_let_in(1)
    fleet.clock.advance(1)
    assert (await fleet.limiters[0].state("b", RATE)).remaining == 1200 - 1 - RATE.spare
