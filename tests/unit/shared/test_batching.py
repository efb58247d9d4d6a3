"""Many requests share one piece of work."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import pytest
from tests.support.eventually import PATIENCE_SECONDS, eventually
from tests.support.left_behind import without_collections

from shared import batching
from shared.batching import Batcher, batches
from shared.errors import OutcomeUncertain, Unavailable


class Doubling:
    """Work that a test holds back."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may_go = asyncio.Event()
        self.may_go.set()
        self.failure: Exception | None = None

    async def __call__(self, items: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(items))
        await self._waited()
        if self.failure:
            raise self.failure
        return [2 * item for item in items]

    def break_off(self) -> None:
        """Cancel what the work waits for, although the work itself was not cancelled."""
        self.may_go.set()
        self._waiting.cancel()

    async def _waited(self) -> None:
        self._waiting = asyncio.ensure_future(self.may_go.wait())
        await self._waiting


@pytest.fixture
def work() -> Doubling:
    return Doubling()


@pytest.fixture
async def batcher(work: Doubling) -> AsyncIterator[Batcher[int, int]]:
    batcher = Batcher[int, int](work, max_items=3, max_waiting=5, max_weight=100, weigh=lambda item: item)
    await batcher.start()
    yield batcher
    await batcher.stop()


async def test_a_lone_item_does_not_wait_for_company(batcher: Batcher[int, int]) -> None:
    assert await batcher.submit(21) == 42


async def test_requests_during_a_batch_form_the_next(batcher: Batcher[int, int], work: Doubling) -> None:
    work.may_go.clear()
    first = asyncio.create_task(batcher.submit(1))
    await asyncio.sleep(0)
    rest = [asyncio.create_task(batcher.submit(item)) for item in (2, 3, 4, 5)]
    await asyncio.sleep(0)
    work.may_go.set()

    assert await asyncio.gather(first, *rest) == [2, 4, 6, 8, 10]
    assert work.batches == [[1], [2, 3, 4], [5]]


async def test_heavy_items_make_small_batches(batcher: Batcher[int, int], work: Doubling) -> None:
    work.may_go.clear()
    tasks = [asyncio.create_task(batcher.submit(item)) for item in (1, 99, 99, 1)]
    await asyncio.sleep(0)
    work.may_go.set()
    await asyncio.gather(*tasks)

    assert [1, 99] in work.batches
    assert [99, 1] in work.batches


async def test_work_that_was_cancelled_inside_fails_and_the_next_continues(
    batcher: Batcher[int, int], work: Doubling
) -> None:
    work.may_go.clear()
    given_up = asyncio.create_task(batcher.submit(1))
    await eventually(lambda: work.batches)
    work.break_off()
    with pytest.raises(Unavailable):
        await given_up
    assert await asyncio.wait_for(batcher.submit(2), PATIENCE_SECONDS) == 4


async def test_a_change_that_was_cancelled_inside_is_uncertain(work: Doubling) -> None:
    batcher = Batcher[int, int](work, max_items=3, max_waiting=5, is_change=True)
    await batcher.start()
    work.may_go.clear()
    given_up = asyncio.create_task(batcher.submit(1))
    await eventually(lambda: work.batches)
    work.break_off()
    with pytest.raises(OutcomeUncertain):
        await given_up
    await batcher.stop()


async def test_a_failure_reaches_every_request_of_the_batch_and_no_other(
    batcher: Batcher[int, int], work: Doubling
) -> None:
    work.failure = Unavailable("away")
    for failed in await asyncio.gather(batcher.submit(1), batcher.submit(2), return_exceptions=True):
        assert isinstance(failed, Unavailable)

    work.failure = None
    assert await batcher.submit(3) == 6


async def test_excess_requests_are_refused_immediately(batcher: Batcher[int, int], work: Doubling) -> None:
    work.may_go.clear()
    tasks = [asyncio.create_task(batcher.submit(1))]
    await asyncio.sleep(0)
    tasks += [asyncio.create_task(batcher.submit(1)) for _ in range(5)]
    await asyncio.sleep(0)

    with pytest.raises(Unavailable):
        await batcher.submit(1)
    work.may_go.set()
    await asyncio.gather(*tasks)


async def test_a_cancelled_request_is_left_out(batcher: Batcher[int, int], work: Doubling) -> None:
    work.may_go.clear()
    first = asyncio.create_task(batcher.submit(1))
    await asyncio.sleep(0)
    cancelled, other = asyncio.create_task(batcher.submit(2)), asyncio.create_task(batcher.submit(3))
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.sleep(0)
    work.may_go.set()

    assert [await first, await other] == [2, 6]
    assert work.batches == [[1], [3]]


async def test_stopping_completes_waiting_requests(work: Doubling) -> None:
    batcher = Batcher[int, int](work, max_items=3, max_waiting=5)
    await batcher.start()
    tasks = [asyncio.create_task(batcher.submit(item)) for item in (1, 2)]
    await asyncio.sleep(0)
    await batcher.stop()

    assert await asyncio.gather(*tasks) == [2, 4]


async def test_a_batch_of_cancelled_requests_does_no_work(batcher: Batcher[int, int], work: Doubling) -> None:
    work.may_go.clear()
    first = asyncio.create_task(batcher.submit(1))
    await asyncio.sleep(0)
    cancelled = asyncio.create_task(batcher.submit(2))
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.sleep(0)
    work.may_go.set()

    assert [await first, await batcher.submit(3)] == [2, 6]
    assert work.batches == [[1], [3]]


def test_a_batch_stays_within_its_weight_except_for_a_single_heavier_request() -> None:
    assert list(batches([1, 2, 9, 3, 1], weigh=lambda item: item, max_weight=3)) == [(1, 2), (9,), (3,), (1,)]


async def test_a_request_cancelled_during_the_work_affects_no_other(batcher: Batcher[int, int], work: Doubling) -> None:
    work.may_go.clear()
    cancelled = asyncio.create_task(batcher.submit(1))
    await eventually(lambda: work.batches)
    cancelled.cancel()
    await asyncio.sleep(0)
    work.may_go.set()

    assert await asyncio.wait_for(batcher.submit(2), PATIENCE_SECONDS) == 4


async def test_a_request_cancelled_during_failing_work_affects_no_other(
    batcher: Batcher[int, int], work: Doubling
) -> None:
    work.failure = Unavailable("away")
    work.may_go.clear()
    cancelled = asyncio.create_task(batcher.submit(1))
    await eventually(lambda: work.batches)
    cancelled.cancel()
    await asyncio.sleep(0)
    work.may_go.set()
    with pytest.raises(Unavailable):
        await asyncio.wait_for(batcher.submit(2), PATIENCE_SECONDS)

    work.failure = None
    assert await asyncio.wait_for(batcher.submit(3), PATIENCE_SECONDS) == 6


async def test_an_unweighable_request_is_refused_and_the_work_continues(work: Doubling) -> None:
    batcher = Batcher[int, int](work, max_items=3, max_waiting=5, weigh=lambda item: 6 // item)
    await batcher.start()
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(batcher.submit(0), PATIENCE_SECONDS)
    assert await asyncio.wait_for(batcher.submit(1), PATIENCE_SECONDS) == 2
    await batcher.stop()


async def test_work_that_omits_an_answer_fails_and_continues() -> None:
    async def forgetful(items: Sequence[int]) -> Sequence[int]:
        return [2 * item for item in items if item]

    batcher = Batcher[int, int](forgetful, max_items=3, max_waiting=5)
    await batcher.start()
    with pytest.raises(ValueError, match="shorter"):
        await asyncio.wait_for(batcher.submit(0), PATIENCE_SECONDS)
    assert await asyncio.wait_for(batcher.submit(1), PATIENCE_SECONDS) == 2
    await batcher.stop()


@pytest.mark.parametrize(("is_change", "interrupted"), [(False, Unavailable), (True, OutcomeUncertain)])
async def test_stopping_does_not_wait_for_endless_work_and_leaves_no_request_waiting(
    work: Doubling, monkeypatch: pytest.MonkeyPatch, *, is_change: bool, interrupted: type[Unavailable]
) -> None:
    monkeypatch.setattr(batching, "STOP_SECONDS", 0.01)
    batcher = Batcher[int, int](work, max_items=1, max_waiting=5, is_change=is_change)
    await batcher.start()
    work.may_go.clear()
    tasks = [asyncio.create_task(batcher.submit(item)) for item in (1, 2)]
    await eventually(lambda: work.batches)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await batcher.stop()
        answers = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(answer) for answer in answers] == [interrupted, Unavailable]
    assert str(answers[1]) == "The service is shutting down. Retry the request"


async def test_a_failed_request_is_freed_without_a_garbage_collection() -> None:
    class Request:
        pass

    async def fail(requests: Sequence[Request]) -> Sequence[None]:
        raise Unavailable("the store is unavailable")

    async def ask(request: Request) -> None:
        with suppress(Unavailable):
            await failing.submit(request)

    failing = Batcher[Request, None](fail, max_items=3, max_waiting=5, max_weight=100, weigh=lambda item: 1)
    await failing.start()
    with without_collections() as remains:
        await asyncio.gather(ask(Request()), ask(Request()))
        await asyncio.sleep(0)
        assert remains.of(Request) == []
    await failing.stop()
