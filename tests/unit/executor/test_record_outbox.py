"""Records leave the worker in batches; block logs that are too large for a message are stored separately."""

import asyncio

import msgspec
import pytest
from prometheus_client import REGISTRY
from tests.support.eventually import eventually
from tests.support.executor.fakes import spec
from tests.support.executor.records import NOW, OUTCOME, Blobs, Work, a_record

from executor_service.adapters import publish_retries, record_outbox
from executor_service.adapters.record_outbox import BATCH_RECORDS, RecordOutbox
from shared.broker.ports import BrokerUnavailable
from shared.broker.queue_topology import MAX_MESSAGE_BYTES, RECORDS
from shared.contracts.jobs import BlockLog
from shared.contracts.messages import RecordBatch, RunBegan, RunRecorded
from shared.contracts.payloads import Payload


@pytest.fixture
def work() -> Work:
    return Work()


async def sent(work: Work, blobs: Blobs, *records: RunBegan | RunRecorded) -> list[RunRecorded]:
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


async def test_oversized_block_logs_are_stored_separately(work: Work) -> None:
    blobs = Blobs()
    large = a_record("large", 9 * 1024 * 1024)
    small, records = await sent(work, blobs, a_record("small", 10), large)
    assert (small.run.run_id, small.stored_blocks) == ("small", None)
    assert (records.blocks, records.stored_blocks) == ((), Payload(blob_id="w1-1", size=len(blobs.kept[0])))
    assert msgspec.json.decode(blobs.kept[0], type=tuple[BlockLog, ...]) == large.blocks


async def test_a_record_larger_than_a_message_delays_no_other(work: Work) -> None:
    """No known case causes one; but if one did, no run of this worker would be recorded any longer."""
    text = b'"' + b"x" * MAX_MESSAGE_BYTES + b'"'
    beyond = msgspec.structs.replace(OUTCOME, output=Payload(inline=msgspec.Raw(text)))
    impossible = msgspec.structs.replace(a_record("impossible", 10), outcome=beyond)
    records = await sent(work, Blobs(), a_record("before", 10), impossible, a_record("after", 10))
    assert [record.run.run_id for record in records] == ["before", "after"]


async def test_an_unexpected_error_loses_only_the_records_of_its_batch(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_outbox, "BATCH_RECORDS", 1)
    work.breaks_at = "cursed"
    before = dropped()
    records = await asyncio.wait_for(sent(work, Blobs(), a_record("cursed", 10), a_record("after", 10)), 30)
    assert [record.run.run_id for record in records] == ["after"]
    assert dropped() == before + 1


async def test_a_record_is_worth_more_than_its_block_logs(work: Work) -> None:
    blobs = Blobs()
    blobs.is_away = True
    (records,) = await sent(work, blobs, a_record("large", 9 * 1024 * 1024))
    assert (records.blocks, records.stored_blocks, records.outcome) == ((), None, OUTCOME)


def dropped() -> float:
    return REGISTRY.get_sample_value("flowport_executor_records_dropped_total") or 0.0


async def test_records_that_find_no_room_are_counted(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_outbox, "BACKLOG_RECORDS", 2)
    before = dropped()
    records = await sent(work, Blobs(), *(a_record(f"r{number}", 10) for number in range(3)))
    assert [record.run.run_id for record in records] == ["r0", "r1"]
    assert dropped() == before + 1


async def test_the_records_that_wait_have_a_limit_of_bytes(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_outbox, "BACKLOG_BYTES", 2_000)
    before = dropped()
    outbox = RecordOutbox(work, Blobs())  # type: ignore[arg-type]
    for name in ("r0", "r1", "dropped"):
        outbox.put(a_record(name, 10), log_bytes=900)
    await outbox.start()
    await eventually(lambda: work.batches)
    outbox.put(a_record("r2", 10), log_bytes=900)  # there is room again
    await outbox.stop()
    assert [record.run.run_id for batch in work.batches for record in batch.records] == ["r0", "r1", "r2"]
    assert dropped() == before + 1


async def test_blocks_that_are_not_stored_need_no_room(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_outbox, "BACKLOG_BYTES", 2_000)
    record = a_record("silent", 10)
    outbox = RecordOutbox(work, Blobs())  # type: ignore[arg-type]
    outbox.put(
        msgspec.structs.replace(record, run=msgspec.structs.replace(record.run, stores_data=False)), log_bytes=9_000
    )
    await outbox.start()
    await outbox.stop()
    assert work.batches


async def test_unaccepted_records_are_dropped_and_counted(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_outbox, "PUBLISH_TRIES", 2)
    before = dropped()
    work.is_full = True
    assert await asyncio.wait_for(sent(work, Blobs(), a_record("r0", 10), a_record("r1", 10)), 30) == []
    assert dropped() == before + 2


async def test_a_publish_that_is_never_confirmed_is_not_repeated_for_minutes(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish_retries, "MAX_SECONDS", 0.05)
    monkeypatch.setattr(publish_retries, "PAUSE_SECONDS", 0.0)
    attempts = 0

    class Unconfirmed:
        async def publish(self, queue: str, message: object) -> None:
            nonlocal attempts
            attempts += 1
            await asyncio.sleep(0.02)
            raise BrokerUnavailable("no confirm in time")

    queue = Unconfirmed()
    message = RecordBatch(())
    assert not await publish_retries.publish_with_retries(queue, RECORDS, message, tries=100)  # type: ignore[arg-type]
    assert attempts <= 4


async def test_records_outlive_a_restart_of_the_broker(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    restart_seconds, pause = 15, publish_retries.PAUSE_SECONDS
    monkeypatch.setattr(publish_retries, "PAUSE_SECONDS", 0.001)
    work.away_for = int(restart_seconds / pause)
    records = [a_record("r0", 10)]
    assert await sent(work, Blobs(), *records) == records


async def test_the_number_of_records_per_message_is_bounded(work: Work) -> None:
    records = [a_record(f"r{number}", 10) for number in range(BATCH_RECORDS + 1)]
    assert await sent(work, Blobs(), *records) == records
    assert [len(batch.records) for batch in work.batches] == [BATCH_RECORDS, 1]


async def test_unstored_data_does_not_leave_the_worker(work: Work) -> None:
    record = a_record("r0", 10)
    silent = msgspec.structs.replace(record, run=msgspec.structs.replace(record.run, stores_data=False))
    (records,) = await sent(work, Blobs(), silent)
    assert (records.blocks, records.run.input.inline) == ((), Payload().inline)


async def test_a_worker_that_stops_does_not_wait_for_a_queue_that_takes_nothing(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_outbox, "STOP_SECONDS", 0.05)
    work.line.clear()
    before = dropped()
    assert await asyncio.wait_for(sent(work, Blobs(), a_record("r0", 10), a_record("r1", 10)), 30) == []
    assert dropped() == before + 2


async def test_an_oversized_start_report_is_omitted(work: Work) -> None:
    text = b'"' + b"x" * MAX_MESSAGE_BYTES + b'"'
    impossible = msgspec.structs.replace(spec("large"), input=Payload(inline=msgspec.Raw(text)))
    records = await sent(work, Blobs(), RunBegan(impossible, NOW), a_record("after", 10))
    assert [record.run.run_id for record in records] == ["after"]
