"""An attached run has one attempt, one terminal event and one record, whatever happens."""

import asyncio
from functools import partial

import msgspec
import pytest
from tests.support.eventually import eventually
from tests.support.executor.fakes import Callers, Files, JobsService, Ledger, Services, Work, launcher, spec, workflow
from tests.support.left_behind import without_collections
from tests.support.workflow_states import start

from executor_service.adapters.reply_channel import BrokerReplyChannel
from executor_service.application.active_runs import ActiveRuns
from executor_service.application.attached_runs import ANNOUNCE_AFTER_SECONDS, AttachedRuns
from executor_service.application.run_handle import RunHandle
from executor_service.engine import Call, Execution
from executor_service.engine.deadline import OVERTIME_SECONDS
from shared.clock import SystemClock
from shared.contracts.events import RunStarted
from shared.contracts.messages import CancelRun, EventBatch, RunBegan, RunRecorded
from shared.contracts.runs import ErrorCode, RunMode, RunStatus


class World:
    """One worker and its surroundings."""

    def __init__(
        self,
        callers: Callers | None = None,
        ledger: Ledger | None = None,
        services: Services | None = None,
        files: Files | None = None,
    ) -> None:
        self.callers, self.services = callers or Callers(), services or Services()
        self.work, self.ledger = Work(), ledger or Ledger()
        self.running, self.jobs = ActiveRuns(), JobsService(spec())
        self.runs = AttachedRuns(
            launcher(self.services, [("function", self.work)], files=files),
            partial(BrokerReplyChannel, self.callers),
            self.running,
            records=self.ledger,
            durable=self.jobs,
            clock=SystemClock(),
        )


@pytest.fixture
def world() -> World:
    return World()


async def test_a_run_ends_with_its_output_and_one_record(world: World) -> None:
    await world.runs.run(spec(), "inbox")
    assert world.callers.outcome.status is RunStatus.COMPLETED
    assert bytes(world.callers.outcome.output.inline) == b'{"result":"done"}'
    (record,) = world.ledger.records
    assert isinstance(record, RunRecorded)
    assert record.outcome == world.callers.outcome


async def test_a_record_comes_with_the_size_of_its_blocks(world: World) -> None:
    await world.runs.run(spec(body={"text": "x" * 10_000}), "inbox")
    assert 10_000 < world.ledger.log_bytes < 11_000


async def test_a_cancel_from_anywhere_stops_it(world: World) -> None:
    world.work.go_on.clear()
    run = asyncio.create_task(world.runs.run(spec(), "inbox"))
    await world.work.begun.wait()
    world.running.handle_control(CancelRun("r1"))
    await asyncio.wait_for(run, 30)
    assert world.callers.outcome.status is RunStatus.CANCELLED


async def test_a_cancel_that_came_before_the_run_is_remembered(world: World) -> None:
    world.running.handle_control(CancelRun("r1"))
    await world.runs.run(spec(), "inbox")
    assert world.callers.outcome.status is RunStatus.CANCELLED
    assert world.work.times == 0


async def test_a_disconnected_caller_stops_the_run(world: World) -> None:
    world.work.go_on.clear()
    world.callers.is_disconnected = True
    await asyncio.wait_for(world.runs.run(spec(), "inbox"), 30)
    (record,) = world.ledger.records
    assert isinstance(record, RunRecorded)
    assert record.outcome.status is RunStatus.CANCELLED


async def test_a_run_past_its_time_fails_with_a_time_out(world: World) -> None:
    world.work.go_on.clear()
    await asyncio.wait_for(world.runs.run(spec(time_limit_ms=50), "inbox"), 30)
    error = world.callers.outcome.error
    assert error is not None
    assert error.code is ErrorCode.TIMEOUT


async def loading(world: World) -> None:
    """Wait until a run's workflow is loading."""
    world.services.loading_seconds = 3600.0
    await eventually(lambda: world.services.loads)


async def test_a_cancel_stops_the_preparation(world: World) -> None:
    run = asyncio.create_task(world.runs.run(spec(), "inbox"))
    await loading(world)
    world.running.handle_control(CancelRun("r1"))
    world.running.handle_control(CancelRun("r1"))
    await asyncio.wait_for(run, 30)
    assert world.callers.outcome.status is RunStatus.CANCELLED
    assert [type(record) for record in world.ledger.records][-1:] == [RunRecorded]


async def test_the_time_limit_stops_the_preparation(world: World) -> None:
    world.services.loading_seconds = 3600.0
    await asyncio.wait_for(world.runs.run(spec(time_limit_ms=50), "inbox"), 30)
    outcome = world.callers.outcome
    assert outcome.error is not None
    assert outcome.error.code is ErrorCode.TIMEOUT
    assert outcome.duration_ms >= 50


async def test_a_stopping_worker_stops_the_preparation(world: World) -> None:
    run = asyncio.create_task(world.runs.run(spec(), "inbox"))
    await loading(world)
    world.runs.stop_all()
    await asyncio.wait_for(run, 30)
    assert world.callers.outcome.is_loss


async def test_the_preparation_counts_towards_the_time_limit(world: World) -> None:
    world.services.loading_seconds = 0.2
    await world.runs.run(spec(time_limit_ms=60_000), "inbox")
    assert world.work.remaining_seconds <= 60.0 - 0.2 + OVERTIME_SECONDS


async def test_files_stop_a_run_at_its_time_limit() -> None:
    class HangingFiles(Files):
        async def put(self, workspace_id: str, file_id: str, content: bytes) -> None:
            await asyncio.Event().wait()

    services = Services(workflow(start=start({"name": "papers", "type": "file[]"})))
    world = World(services=services, files=HangingFiles())
    body = {"papers": [{"data": "data:text/plain;base64,YQ==", "name": "a"}]}
    await asyncio.wait_for(world.runs.run(spec(body=body, time_limit_ms=50), "inbox"), 30)
    error = world.callers.outcome.error
    assert error is not None
    assert error.code is ErrorCode.TIMEOUT


async def test_services_that_do_not_answer_make_an_honest_failure(world: World) -> None:
    world.services.unreachable = True
    await world.runs.run(spec(), "inbox")
    error = world.callers.outcome.error
    assert error is not None
    assert error.http_status == 503


async def test_a_run_with_a_lost_worker_is_reported_and_not_restarted(world: World) -> None:
    await world.runs.report_lost(spec(), "inbox")
    (report,) = world.callers.batches
    assert report.reported_loss == world.callers.outcome
    assert world.work.times == 0


async def test_the_caller_records_a_lost_run_and_the_next_worker_does_only_without_a_caller(
    world: World,
) -> None:
    await world.runs.report_lost(spec(), "inbox")
    assert world.ledger.records == []
    world.callers.is_disconnected = True
    await world.runs.report_lost(spec(), "inbox")
    (record,) = world.ledger.records
    assert isinstance(record, RunRecorded)
    assert record.outcome.error is not None


async def test_no_effect_starts_before_the_caller_knows_the_run(world: World) -> None:
    world.work.go_on.clear()
    run = asyncio.create_task(world.runs.run(spec(), "inbox", attempt=1))
    await world.work.begun.wait()
    assert world.callers.batches == [EventBatch("r1", 0, (RunStarted(),), attempt=1)]
    world.work.go_on.set()
    await run


async def test_no_effect_starts_in_a_run_redelivered_to_another_worker(world: World) -> None:
    await world.runs.run(spec(), "inbox", is_held=lambda: False)
    assert world.callers.outcome.status is RunStatus.FAILED
    assert world.work.times == 0


async def test_a_stopping_worker_ends_its_runs_honestly(world: World) -> None:
    world.work.go_on.clear()
    run = asyncio.create_task(world.runs.run(spec(), "inbox"))
    await world.work.begun.wait()
    world.runs.stop_all()
    await asyncio.wait_for(run, 30)
    assert world.callers.outcome.is_loss
    assert not any(batch.reported_loss for batch in world.callers.batches), (
        "a run that has begun must not be redispatched"
    )


async def test_only_a_run_that_lasts_is_announced(world: World) -> None:
    world.work.go_on.clear()
    run = asyncio.create_task(world.runs.run(spec(), "inbox"))
    await asyncio.sleep(ANNOUNCE_AFTER_SECONDS * 1.5)
    world.work.go_on.set()
    await run
    assert [type(record) for record in world.ledger.records] == [RunBegan, RunRecorded]


async def test_a_snapshot_is_loaded_and_compiled_once(world: World) -> None:
    await asyncio.gather(*(world.runs.run(spec(f"r{number}"), "inbox") for number in range(10)))
    assert world.services.loads == 1


async def test_a_short_run_is_not_announced_when_it_is_over(world: World) -> None:
    await world.runs.run(spec(), "inbox")
    await asyncio.sleep(ANNOUNCE_AFTER_SECONDS * 1.5)
    assert [type(record) for record in world.ledger.records] == [RunRecorded]


async def test_an_unreportable_run_is_not_listed_as_running(world: World) -> None:
    class Broken(Callers):
        async def send(self, address: str, batch: EventBatch, *, must_route: bool) -> None:
            raise RuntimeError("it fits into no message")

    with pytest.raises(RuntimeError):
        await World(Broken(), world.ledger).runs.run(spec(), "inbox")
    await asyncio.sleep(ANNOUNCE_AFTER_SECONDS * 1.5)
    assert world.ledger.records == []


@pytest.mark.parametrize("how", ["completed", "streamed", "failed", "cancelled", "refused"])
async def test_a_completed_run_is_freed_without_a_garbage_collection(world: World, how: str) -> None:
    mode = RunMode.STREAM if how == "streamed" else RunMode.SYNC
    world.work.problem = "no" if how == "failed" else None
    world.services.unreachable = how == "refused"
    with without_collections() as remains:
        for number in range(3):
            if how == "cancelled":
                world.running.handle_control(CancelRun(f"r{number}"))
            await world.runs.run(spec(f"r{number}", mode=mode), "inbox")
        await asyncio.sleep(0)
        assert remains.of(RunHandle, Execution, BrokerReplyChannel, Call) == []


@pytest.mark.parametrize("how", ["cancelled", "timed out", "caller disconnected"])
async def test_a_stopped_run_is_freed_without_a_garbage_collection(world: World, how: str) -> None:
    world.work.go_on.clear()
    world.callers.is_disconnected = how == "caller disconnected"
    with without_collections() as remains:
        run = asyncio.create_task(
            world.runs.run(spec(time_limit_ms=50 if how == "timed out" else 60_000, mode=RunMode.STREAM), "inbox")
        )
        if how == "cancelled":
            await world.work.begun.wait()
            world.running.handle_control(CancelRun("r1"))
        await asyncio.wait_for(run, 30)
        del run
        await asyncio.sleep(0)
        assert remains.of(RunHandle, Execution, BrokerReplyChannel, Call) == []


async def test_the_environment_is_read_only_when_needed_with_the_callers_permissions(world: World) -> None:
    await world.runs.run(spec(), "inbox")
    assert world.services.environments == []

    needs = World(services=Services(workflow("return {{KEY}} + `{{ if it, or not }}`")))
    await needs.runs.run(msgspec.structs.replace(spec(), user_id="u1"), "inbox")
    assert needs.services.environments == [("w1", "u1", {"KEY"})]

    reads_all = World(services=Services(workflow("return {{KEY}} + environmentVariables.OTHER")))
    await reads_all.runs.run(spec(), "inbox")
    assert reads_all.services.environments == [("w1", None, None)]


async def test_an_unavailable_file_is_a_client_error() -> None:
    world = World(services=Services(workflow(start=start({"name": "papers", "type": "file[]"}))))
    await world.runs.run(spec(body={"papers": [{"data": "data:text/plain;base64,???", "name": "a"}]}), "inbox")
    error = world.callers.outcome.error
    assert error is not None
    assert (error.code, error.http_status) == (ErrorCode.INVALID_INPUT, 400)


async def test_a_cancelled_run_stays_cancelled_though_the_worker_stops(world: World) -> None:
    world.work.go_on.clear()
    run = asyncio.create_task(world.runs.run(spec(), "inbox"))
    await world.work.begun.wait()
    world.running.handle_control(CancelRun("r1"))
    world.runs.stop_all()
    await asyncio.wait_for(run, 30)
    assert world.callers.outcome.status is RunStatus.CANCELLED
