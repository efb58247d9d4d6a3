"""Dead letters store the messages that no worker could process."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from jobs_service.dead_letters.repository import StoredLetter, examine
from jobs_service.dead_letters.service import DeadLetterService
from shared.broker.ports import DeadLetter
from shared.contracts.dead_letters import DeadLetterKind
from shared.contracts.messages import (
    AttachedRunRequested,
    DurableRunDispatched,
    EventBatch,
    RecordBatch,
    RunBegan,
    encode,
)
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunMode, RunSpec, SnapshotRef
from shared.errors import Unavailable


def a_spec(workspace_id: str = "W1") -> RunSpec:
    return RunSpec(
        run_id="R",
        snapshot=SnapshotRef(workspace_id, "F", "0" * 64),
        mode=RunMode.SYNC,
        input=Payload(),
        time_limit_ms=1000,
    )


@given(st.binary())
def test_an_unreadable_message_is_stored_unchanged(body: bytes) -> None:
    letter = examine(body, queue="runs.async", reason="rejected")
    assert letter is not None
    assert (letter.kind, letter.body, letter.workspace_ids) == (DeadLetterKind.UNREADABLE, body, ())


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"no json", "rejected: "), (b'{"v":99,"message":{"type":"run.dispatched"}}', "rejected: ")],
)
def test_the_reason_of_an_unreadable_message_is_stored(body: bytes, reason: str) -> None:
    letter = examine(body, queue="runs.async", reason="rejected")
    assert letter is not None
    assert letter.reason.startswith(reason)
    assert len(letter.reason) > len(reason)


def test_the_same_letter_has_the_same_id() -> None:
    body = encode(DurableRunDispatched("R", "D", "W1"))
    one, other = (examine(body, queue=queue, reason="rejected") for queue in ("a", "b"))
    again = examine(body, queue="a", reason="rejected")
    assert one is not None
    assert other is not None
    assert one == again
    assert one.id != other.id


def test_an_input_is_not_stored_twice() -> None:
    letter = examine(encode(AttachedRunRequested(a_spec(), "r")), queue="q", reason="delivery_limit")
    assert letter is not None
    assert (letter.kind, letter.body, letter.run_id, letter.workflow_id) == (
        DeadLetterKind.ATTACHED_RUN,
        None,
        "R",
        "F",
    )


def test_a_run_that_expired_in_the_queue_is_not_stored() -> None:
    assert examine(encode(AttachedRunRequested(a_spec(), "r")), queue="q", reason="expired") is None


def test_unstored_events_are_dropped() -> None:
    assert examine(encode(EventBatch("R", 0, ())), queue="q", reason="rejected") is None


def test_records_belong_to_every_workspace_in_them() -> None:
    batch = RecordBatch(tuple(RunBegan(a_spec(name), datetime.now(UTC)) for name in ("W1", "W2", "W1")))
    letter = examine(encode(batch), queue="q", reason="rejected")
    assert letter is not None
    assert letter.workspace_ids == ("W1", "W2")
    assert letter.body == encode(batch)


def test_the_reason_of_an_unreadable_body_is_bounded() -> None:
    letter = examine(b"{", queue="q", reason="x" * 600)
    assert letter is not None
    assert letter.reason == "x" * 500


class LateLetters:
    """Stores dead letters, after `away` failures."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.kept: list[StoredLetter] = []

    async def add(self, letter: StoredLetter) -> None:
        if self.failures:
            self.failures -= 1
            raise Unavailable("the store does not respond")
        self.kept.append(letter)


def counted() -> float:
    labels = {"queue": "runs.async", "kind": "unreadable"}
    return REGISTRY.get_sample_value("flowport_jobs_dead_letters_total", labels) or 0.0


async def test_a_letter_that_waits_for_the_store_is_counted_once_when_it_is_stored() -> None:
    letters, before = LateLetters(2), counted()
    burying = DeadLetterService(letters, None, None, None, None)  # type: ignore[arg-type]  # the test reads nothing of them
    letter = DeadLetter(b"no message", "runs.async", "rejected")
    for _ in range(2):
        with pytest.raises(Unavailable):
            await burying.store(letter)
    assert counted() == before
    await burying.store(letter)
    assert (counted(), len(letters.kept)) == (before + 1, 1)
