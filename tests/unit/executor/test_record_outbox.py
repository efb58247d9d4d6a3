"""Records leave the worker in batches; block logs that are too large for a message are kept apart."""

from datetime import UTC, datetime

import msgspec
import pytest
from tests.unit.executor.fakes import spec

from executor_service.adapters.record_outbox import RecordOutbox
from shared.broker.bodies import outgoing
from shared.broker.topology import MAX_MESSAGE_BYTES
from shared.contracts.block_logs import BlockLog
from shared.contracts.messages import Message, RecordBatch, RunRecorded
from shared.contracts.outcomes import RunOutcome
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunStatus
from shared.errors import Unavailable

NOW = datetime(2026, 11, 24, tzinfo=UTC)
OUTCOME = RunOutcome(status=RunStatus.COMPLETED, output=Payload(), started_at=NOW, ended_at=NOW, duration_ms=0.0)


class Work:
    """Keeps what fits into a message."""

    def __init__(self) -> None:
        self.batches: list[RecordBatch] = []

    async def publish(self, queue: object, message: Message) -> None:
        outgoing(message)
        assert isinstance(message, RecordBatch)
        self.batches.append(message)


class Blobs:
    """Keeps large values, unless it is away."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []
        self.is_away = False

    async def put(self, workspace_id: str, document: bytes) -> Payload:
        if self.is_away:
            raise Unavailable("jobs-service does not answer")
        self.kept.append(document)
        return Payload(blob_id=f"{workspace_id}-{len(self.kept)}", size=len(document))

    async def get(self, workspace_id: str, payload: Payload) -> bytes:
        raise NotImplementedError


def a_record(run_id: str, size: int) -> RunRecorded:
    log = BlockLog(
        block_id="b",
        block_name="B",
        block_type="function",
        started_at=NOW,
        ended_at=NOW,
        duration_ms=1.0,
        success=True,
        execution_order=1,
        output="x" * size,
    )
    return RunRecorded(spec(run_id), OUTCOME, (log,))


@pytest.fixture
def work() -> Work:
    return Work()


async def sent(work: Work, blobs: Blobs, *records: RunRecorded) -> list[RunRecorded]:
    outbox = RecordOutbox(work, blobs)  # type: ignore[arg-type]  # it publishes, and nothing else
    for record in records:
        outbox.put(record)
    await outbox.start()
    await outbox.stop()
    return [record for batch in work.batches for record in batch.records if isinstance(record, RunRecorded)]


async def test_small_records_go_together(work: Work) -> None:
    records = [a_record("one", 10), a_record("two", 10)]
    assert await sent(work, Blobs(), *records) == records
    assert len(work.batches) == 1


async def test_block_logs_that_are_too_large_are_kept_apart(work: Work) -> None:
    blobs = Blobs()
    large = a_record("large", 9 * 1024 * 1024)
    small, told = await sent(work, blobs, a_record("small", 10), large)
    assert (small.run.run_id, small.stored_blocks) == ("small", None)
    assert (told.blocks, told.stored_blocks) == ((), Payload(blob_id="w1-1", size=len(blobs.kept[0])))
    assert msgspec.json.decode(blobs.kept[0], type=tuple[BlockLog, ...]) == large.blocks


async def test_a_record_that_fits_into_no_message_keeps_none_back(work: Work) -> None:
    """Nothing that is known makes one; if something did, all runs of this worker would go unrecorded."""
    text = b'"' + b"x" * MAX_MESSAGE_BYTES + b'"'
    beyond = msgspec.structs.replace(OUTCOME, output=Payload(inline=msgspec.Raw(text)))
    impossible = msgspec.structs.replace(a_record("impossible", 10), outcome=beyond)
    told = await sent(work, Blobs(), a_record("before", 10), impossible, a_record("after", 10))
    assert [record.run.run_id for record in told] == ["before", "after"]


async def test_a_record_is_worth_more_than_its_block_logs(work: Work) -> None:
    blobs = Blobs()
    blobs.is_away = True
    (told,) = await sent(work, blobs, a_record("large", 9 * 1024 * 1024))
    assert (told.blocks, told.stored_blocks, told.outcome) == ((), None, OUTCOME)
