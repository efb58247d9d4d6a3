"""One run for one key, on a real store and on its fake."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.gateway.calls import FakeCalls
from tests.support.gateway.clock import HandClock
from tests.support.gateway.jobs import FakeJobs

from gateway.idempotency.store import (
    INDEXES,
    KEPT_FOR,
    CallName,
    CallRecord,
    Idempotency,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    IdempotencyStore,
    StoredAnswer,
)
from shared.contracts.erasure import Erase
from shared.ids import new_id
from shared.store.client import Store

NAME = CallName("WS1", "W", False, "$key.1")


LEASE, OVER = timedelta(hours=1), timedelta(hours=-1)


@pytest.fixture(params=["store", "fake"])
async def records(
    request: pytest.FixtureRequest, mongodb_uri: str, mongodb_prefix: str
) -> AsyncIterator[IdempotencyStore]:
    if request.param == "fake":
        yield FakeCalls()  # type: ignore[misc]
        return
    store = Store(mongodb_uri, f"{mongodb_prefix}_gateway", INDEXES)
    await store.start()
    yield IdempotencyStore(store)
    await store.stop()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def calls(records: IdempotencyStore, clock: HandClock) -> Idempotency:
    return Idempotency(records, FakeJobs(), clock)


async def begun(calls: Idempotency, name: CallName = NAME, print_: str = "p") -> CallRecord:
    record = await calls.begin(name, print_, new_id())
    assert isinstance(record, CallRecord)
    return record


async def test_a_race_is_won_once(calls: Idempotency) -> None:
    answers = await asyncio.gather(*(calls.begin(NAME, "p", new_id()) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(answer, CallRecord) for answer in answers) == 1
    refused = [answer for answer in answers if isinstance(answer, IdempotencyKeyInUse)]
    assert len(refused) == 19
    assert all(error.retry_after for error in refused)


@pytest.mark.parametrize("body", [b'{"a":1}', b"x" * 2_000_000, b""])
async def test_the_first_answer_serves_all(calls: Idempotency, body: bytes) -> None:
    await calls.store_answer(await begun(calls), 202, {"x-execution-id": "$E.1"}, body)
    stored = await calls.begin(NAME, "p", new_id())
    assert isinstance(stored, StoredAnswer)
    assert (stored.status, stored.headers, await calls.body_of(NAME, stored)) == (202, {"x-execution-id": "$E.1"}, body)


async def test_another_request_is_refused_before_and_after_the_answer(calls: Idempotency) -> None:
    record = await begun(calls)
    with pytest.raises(IdempotencyKeyReused):
        await calls.begin(NAME, "q", new_id())
    await calls.store_answer(record, 200, {}, b"{}")
    with pytest.raises(IdempotencyKeyReused):
        await calls.begin(NAME, "q", new_id())


@pytest.mark.parametrize(
    "other",
    [
        CallName("WS2", "W", False, "$key.1"),
        CallName("WS1", "V", False, "$key.1"),
        CallName("WS1", "W", True, "$key.1"),
    ],
)
async def test_an_idempotency_key_applies_only_to_its_workflow(calls: Idempotency, other: CallName) -> None:
    await begun(calls)
    await begun(calls, other, "q")


async def test_a_refused_call_may_be_retried(calls: Idempotency) -> None:
    await calls.forget(await begun(calls))
    await begun(calls, print_="q")


async def test_an_answered_call_is_neither_released_nor_answered_again(calls: Idempotency) -> None:
    record = await begun(calls)
    await calls.store_answer(record, 200, {}, b'"first"')
    await calls.store_answer(record, 200, {}, b'"second"')
    await calls.forget(record)
    stored = await calls.begin(NAME, "p", new_id())
    assert isinstance(stored, StoredAnswer)
    assert await calls.body_of(NAME, stored) == b'"first"'


async def test_erasing_a_workflow_deletes_only_its_records(calls: Idempotency, records: IdempotencyStore) -> None:
    mine = await begun(calls)
    await begun(calls, CallName("WS1", "V", False, "$key.1"))
    await begun(calls, CallName("WS2", "W", False, "$key.1"))
    assert set(await records.answers_of(Erase("WS1", "W"), 10)) == {mine.name.record_id}
    assert len(await records.answers_of(Erase("WS1"), 10)) == 2


async def test_an_answer_is_forgotten_after_a_day(calls: Idempotency, clock: HandClock) -> None:
    await calls.store_answer(await begun(calls), 200, {}, b"{}")
    clock.advance(KEPT_FOR.total_seconds() - 1)
    assert isinstance(await calls.begin(NAME, "p", new_id()), StoredAnswer)
    clock.advance(1)
    await begun(calls, print_="q")


async def test_a_call_of_a_lost_process_is_taken_over_once(calls: Idempotency, records: IdempotencyStore) -> None:
    now = datetime.now(UTC)
    lost = CallRecord(NAME, "p", "the-run", holder=new_id())
    assert await records.begin(lost, now, now + KEPT_FOR, OVER)
    answers = await asyncio.gather(*(calls.begin(NAME, "p", new_id()) for _ in range(5)), return_exceptions=True)
    taken = [answer for answer in answers if isinstance(answer, CallRecord)]
    assert [(record.run_id, record.is_retry) for record in taken] == [("the-run", True)]
    with pytest.raises(IdempotencyKeyInUse):
        await calls.begin(NAME, "p", new_id())


async def test_the_answer_of_a_process_that_lost_its_lease_serves_all(
    calls: Idempotency, records: IdempotencyStore
) -> None:
    now = datetime.now(UTC)
    slow = CallRecord(NAME, "p", "the-run", holder=new_id())
    assert await records.begin(slow, now, now + KEPT_FOR, OVER)
    await calls.release(await begun(calls))  # the repeat finds that the run has begun
    await calls.store_answer(slow, 200, {}, b'"late"')
    stored = await calls.begin(NAME, "p", new_id())
    assert isinstance(stored, StoredAnswer)
    assert await calls.body_of(NAME, stored) == b'"late"'


async def test_an_answer_to_an_earlier_call_with_the_key_is_not_stored(calls: Idempotency, clock: HandClock) -> None:
    earlier = await begun(calls)
    clock.advance(KEPT_FOR.total_seconds())
    await begun(calls, print_="q")
    await calls.store_answer(earlier, 200, {}, b"{}")
    with pytest.raises(IdempotencyKeyInUse):
        await calls.begin(NAME, "q", new_id())


async def test_a_released_call_is_taken_over_immediately_under_its_run_id(calls: Idempotency) -> None:
    record = await begun(calls)
    await calls.release(record)
    again = await begun(calls)
    assert (again.run_id, again.is_retry) == (record.run_id, True)


async def test_a_process_renews_the_calls_that_it_answers(records: IdempotencyStore, calls: Idempotency) -> None:
    now = datetime.now(UTC)
    record = CallRecord(NAME, "p", "the-run", holder=new_id())
    assert await records.begin(record, now, now + KEPT_FOR, OVER)
    await records.renew({record.holder: NAME.record_id}, LEASE)
    with pytest.raises(IdempotencyKeyInUse):
        await calls.begin(NAME, "p", new_id())
