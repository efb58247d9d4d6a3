"""A process vouches for a call while it answers it, and no longer."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest
from tests.support.eventually import until
from tests.support.gateway.calls import FakeCalls
from tests.support.gateway.jobs import FakeJobs

from gateway.idempotency import store as idempotency
from gateway.idempotency.store import CallName, CallRecord, Idempotency
from shared.clock import SystemClock

NAME = CallName("workspace", "workflow", is_public=False, key="order-17")
Ending = Callable[[Idempotency, CallRecord], Awaitable[None]]


class Vouched(FakeCalls):
    """Records the calls that a process vouched for last."""

    def __init__(self) -> None:
        super().__init__()
        self.turns: dict[str, str] | None = None

    async def renew(self, turns: dict[str, str], lease: timedelta) -> None:
        self.turns = turns

    async def are_renewed(self) -> dict[str, str]:
        """Return the calls that the next renewal names."""
        self.turns = None

        async def came() -> bool:
            return self.turns is not None

        await until(came)
        return self.turns or {}


async def leave(calls: Idempotency, record: CallRecord) -> None:
    calls.abandon(record)


ENDINGS: dict[str, Ending] = {
    "answered": lambda calls, record: calls.store_answer(record, 200, {}, b"{}"),
    "refused": lambda calls, record: calls.forget(record),
    "handed on": lambda calls, record: calls.release(record),
    "left": leave,
}


@pytest.fixture
def records() -> Vouched:
    return Vouched()


@pytest.fixture
async def calls(records: Vouched, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Idempotency]:
    monkeypatch.setattr(idempotency, "RENEW_SECONDS", 0.01)
    calls = Idempotency(records, FakeJobs(), SystemClock())
    await calls.start()
    yield calls
    await calls.stop()


@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_call_is_vouched_for_until_it_has_ended(calls: Idempotency, records: Vouched, ending: str) -> None:
    record = await calls.begin(NAME, "fingerprint", "run")
    assert isinstance(record, CallRecord)
    assert await records.are_renewed() == {record.holder: NAME.record_id}

    await ENDINGS[ending](calls, record)
    assert await records.are_renewed() == {}
