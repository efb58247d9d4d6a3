"""Retry policies limit attempts and time, and repeat only after the errors that they name."""

import pytest

from shared.errors import NotFound, Unavailable
from shared.optimistic_concurrency import retry_on_conflict
from shared.retries import LONGEST_SECONDS, Backoff, RetryPolicy, retry


class Flaky:
    """Fails a number of times before it succeeds."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.calls = 0
        self._failures = failures
        self._error = error

    async def __call__(self) -> int:
        self.calls += 1
        if self.calls <= self._failures:
            raise self._error
        return self.calls


def policy(*, attempts: int | None = None, seconds: float | None = None) -> RetryPolicy:
    return RetryPolicy(delay=(0, 0), attempts=attempts, seconds=seconds)


async def test_a_call_is_repeated_until_it_succeeds_and_each_failure_is_reported() -> None:
    reported: list[Exception] = []
    error = Unavailable("down")
    assert await retry(Flaky(2, error), policy(attempts=3), on_failure=reported.append) == 3
    assert reported == [error, error]


async def test_the_last_attempt_raises_its_error() -> None:
    call = Flaky(5, Unavailable("down"))
    with pytest.raises(Unavailable, match="down"):
        await retry(call, policy(attempts=3))
    assert call.calls == 3


async def test_no_time_means_one_attempt() -> None:
    call = Flaky(5, Unavailable("down"))
    with pytest.raises(Unavailable):
        await retry(call, policy(seconds=0))
    assert call.calls == 1


async def test_other_errors_are_not_repeated() -> None:
    call = Flaky(5, NotFound("gone"))
    with pytest.raises(NotFound):
        await retry(call, policy(attempts=3))
    assert call.calls == 1


async def test_a_conflicting_write_is_repeated_and_then_refused() -> None:
    writes: list[str | None] = [None, None, "written"]

    async def write() -> str | None:
        return writes.pop(0)

    assert await retry_on_conflict(write, conflict="busy", longest_delay=0.001) == "written"
    writes = [None] * 3
    with pytest.raises(Unavailable, match="busy"):
        await retry_on_conflict(write, conflict="busy", attempts=3)


def test_backoff_delays_grow_up_to_a_limit() -> None:
    backoff = Backoff()
    delays = [backoff.delay() for _ in range(12)]
    assert delays[0] <= 0.1
    assert all(delay <= LONGEST_SECONDS for delay in delays)
    assert delays[-1] >= LONGEST_SECONDS / 2
