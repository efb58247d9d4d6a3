"""Records of attached runs."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import REGISTRY
from tests.support.eventually import until
from tests.support.jobs.system import System, a_spec, an_outcome

from jobs_service import consumer
from jobs_service.records import RecordsConsumer
from jobs_service.spend import MongoSpend
from shared.broker.ports import Delivery, Settlement
from shared.contracts.messages import DurableRunDispatched, RecordBatch, RunBegan, RunRecorded
from shared.contracts.runs import ErrorCode, RunError, RunMode, RunStatus, Usage
from shared.errors import NotFound, Unavailable


def began(run_id: str = "attached-1", **fields: Any) -> RunBegan:
    return RunBegan(a_spec(run_id, mode=RunMode.SYNC, **fields), datetime.now(UTC))


def recorded(run_id: str = "attached-1", status: RunStatus = RunStatus.COMPLETED, **fields: Any) -> RunRecorded:
    return RunRecorded(a_spec(run_id, mode=RunMode.SYNC), an_outcome(status, **fields))


async def status_of(system: System, run_id: str = "attached-1") -> RunStatus | None:
    try:
        return (await system.gateway.run(run_id)).status
    except NotFound:
        return None


def becomes(system: System, status: RunStatus, run_id: str = "attached-1") -> Callable[[], Any]:
    async def has_become() -> bool:
        return await status_of(system, run_id) is status

    return has_become


async def test_an_attached_run_is_listed_during_and_after_its_execution(system: System) -> None:
    await system.executor.record(began())
    await until(becomes(system, RunStatus.PROCESSING))

    await system.executor.record(recorded())
    await until(becomes(system, RunStatus.COMPLETED))
    run = await system.gateway.run("attached-1")
    assert (run.job_id, run.mode, run.version) == (None, RunMode.SYNC, 3)
    assert run.output is not None
    assert bytes(run.output.inline) == b'{"answer":42}'


async def test_a_beginning_that_comes_after_the_end_changes_nothing(system: System) -> None:
    await system.executor.record(recorded())
    await until(becomes(system, RunStatus.COMPLETED))
    await system.executor.record(began(), recorded("attached-2"))
    await until(becomes(system, RunStatus.COMPLETED, "attached-2"))

    assert await status_of(system) is RunStatus.COMPLETED


async def test_the_first_end_wins(system: System) -> None:
    error = RunError(ErrorCode.EXECUTION_FAILED, "first")
    await system.executor.record(recorded(status=RunStatus.FAILED, error=error), recorded())
    await until(becomes(system, RunStatus.FAILED))
    await system.executor.record(recorded(), recorded("attached-2"))
    await until(becomes(system, RunStatus.COMPLETED, "attached-2"))

    run = await system.gateway.run("attached-1")
    assert (run.status, run.error) == (RunStatus.FAILED, error)


async def test_a_record_never_touches_a_durable_run(system: System) -> None:
    accepted = await system.gateway.accept(a_spec("durable-1"))
    await system.executor.record(recorded("durable-1"), recorded("attached-1"))
    await until(becomes(system, RunStatus.COMPLETED))

    assert (await system.gateway.job(accepted.job_id)).status is RunStatus.QUEUED


async def test_a_record_never_touches_a_strangers_reserved_id(system: System) -> None:
    await system.gateway.reserve("attached-1", "stranger")
    await system.executor.record(recorded("attached-1"), recorded("attached-2"))
    await until(becomes(system, RunStatus.COMPLETED, "attached-2"))

    assert await status_of(system) is None


async def test_a_reserved_id_becomes_its_run(system: System) -> None:
    await system.gateway.reserve("attached-1")
    assert await status_of(system) is None, "an id is no run yet"

    await system.executor.record(began())
    await until(becomes(system, RunStatus.PROCESSING))
    stored = await system.collection("runs").find_one({"_id": "attached-1"})
    assert stored is not None
    assert stored.get("expires_at") is None, "a run at work does not expire"


async def test_a_large_output_is_stored_whole(system: System) -> None:
    large = b'"' + b"x" * 3_000_000 + b'"'
    await system.executor.record(recorded(output=large))
    await until(becomes(system, RunStatus.COMPLETED))

    output = (await system.gateway.run("attached-1")).output
    assert output is not None
    assert await system.gateway.client.fetch("GET", f"/internal/blobs/workspace-1/{output.blob_id}") == large


async def test_a_run_that_never_reports_its_end_is_ended(system: System) -> None:
    def durable() -> float | None:
        return REGISTRY.get_sample_value("flowport_jobs_ended_total", {"status": "failed"})

    before = durable()
    await system.executor.record(began())
    await until(becomes(system, RunStatus.PROCESSING))
    await system.collection("runs").update_one({"_id": "attached-1"}, {"$set": {"due_ms": 1, "started_ms": 1}})

    await until(becomes(system, RunStatus.FAILED))
    error = (await system.gateway.run("attached-1")).error
    assert error is not None
    assert error.message == "Job terminated: stuck in processing for more than 90 minutes"
    assert durable() == before, "a record adds no durable run"


async def test_spend_is_summed_per_workspace_and_counts_each_run_once(system: System) -> None:
    usage = Usage(input_tokens=100, output_tokens=10, cost_usd=0.25, models={"gpt-4.1": {"cost_usd": 0.25}})
    spec = a_spec("attached-1", mode=RunMode.SYNC)
    await system.executor.record(RunRecorded(spec, an_outcome(), usage=usage))
    await system.executor.record(RunRecorded(spec, an_outcome(), usage=usage))
    accepted = await system.gateway.accept()
    await system.executor.begin()
    await system.executor.finish(accepted.run_id, 1, usage=usage)
    await system.executor.finish(accepted.run_id, 1, usage=usage)

    async def is_booked() -> bool:
        await MongoSpend(system.store).collect(100)
        found = await system.gateway.client.fetch("GET", "/internal/spend/workspace-1")
        return b'"input_tokens":200,"output_tokens":20,"cost_usd":0.5' in found

    await until(is_booked)


class Recorder:
    """A fake recorder; the store is unavailable for the first `failures` calls."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.written: list[Any] = []

    async def write(self, records: list[Any]) -> None:
        if self.failures:
            self.failures -= 1
            raise Unavailable("the store is unavailable")
        self.written += records


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "PAUSE_SECONDS", 0.0)


@pytest.mark.parametrize(
    ("failures", "settlement"), [(0, Settlement.ACK), (5, Settlement.ACK), (1_000, Settlement.REDELIVER)]
)
async def test_a_message_is_settled_after_its_records_are_stored(
    system: System, no_pause: None, failures: int, settlement: Settlement
) -> None:
    recorder = Recorder(failures)
    consumer = RecordsConsumer(system.broker, recorder, drain_seconds=1)  # type: ignore[arg-type]

    assert await consumer.handle(Delivery(RecordBatch((began(),)), redelivered=False)) is settlement
    assert len(recorder.written) == (1 if settlement is Settlement.ACK else 0)


async def test_an_undecodable_record_becomes_a_dead_letter(system: System) -> None:
    recorder = Recorder(0)
    consumer = RecordsConsumer(system.broker, recorder, drain_seconds=1)  # type: ignore[arg-type]
    stray = Delivery(DurableRunDispatched("r", "d", "w"), redelivered=False)
    no_outcome = Delivery(RecordBatch((recorded(status=RunStatus.QUEUED), began("other"))), redelivered=False)

    assert await consumer.handle(stray) is Settlement.DEAD_LETTER
    assert await consumer.handle(no_outcome) is Settlement.DEAD_LETTER
    assert [record.run.run_id for record in recorder.written] == ["other"], "the sound ones are kept"
