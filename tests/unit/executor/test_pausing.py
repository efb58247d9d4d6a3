"""Paused runs are stored before their caller is notified, and any worker can continue them."""

from functools import partial

import msgspec
import pytest
from tests.support.executor.fakes import Asks, Callers, JobsService, Ledger, Services, Work, launcher, spec

from executor_service.adapters.reply_channel import BrokerReplyChannel
from executor_service.application.active_runs import ActiveRuns
from executor_service.application.attached_runs import AttachedRuns
from executor_service.application.durable_runs import DurableRunWorker
from shared.clock import SystemClock
from shared.contracts.jobs import PauseKind
from shared.contracts.messages import DurableRunDispatched
from shared.contracts.runs import EMPTY_OUTPUT, ErrorCode, RunMode, RunStatus

DISPATCH = DurableRunDispatched("r1", "d1", "w1")
YES = {"work": msgspec.Raw(b'{"yes":1}')}


class World:
    """A paused run and everything around it."""

    def __init__(self) -> None:
        self.callers, self.services, self.ledger = Callers(), Services(), Ledger()
        self.jobs = JobsService(spec(mode=RunMode.ASYNC))
        blocks = launcher(self.services, [("function", Asks())])
        self.attached = AttachedRuns(
            blocks,
            partial(BrokerReplyChannel, self.callers),
            ActiveRuns(),
            records=self.ledger,
            durable=self.jobs,
            clock=SystemClock(),
        )
        self.durable = DurableRunWorker(blocks, self.jobs, ActiveRuns(), worker_id="worker")


@pytest.fixture
def world() -> World:
    return World()


async def test_an_attached_run_is_stored_before_its_caller_is_notified(world: World) -> None:
    await world.attached.run(spec(), "inbox")

    assert world.callers.outcome.status is RunStatus.PAUSED
    report = world.jobs.paused
    assert report is not None
    assert [(point.context_id, point.kind) for point in report.pauses] == [("work", PauseKind.HUMAN)]
    assert world.ledger.records == [], "the store has it already"


def stored_file(workspace_id: str, file_id: str) -> dict[str, str]:
    return {"context": "execution", "key": f"execution/{workspace_id}/f1/r1/{file_id}/a.txt"}


async def test_a_stored_paused_run_includes_its_readable_files(world: World) -> None:
    sent = {"papers": [stored_file("w1", "file_1"), {"deep": stored_file("w1", "file_2")}, stored_file("w2", "file_3")]}
    await world.attached.run(spec(body=sent), "inbox")
    assert world.jobs.paused is not None
    assert sorted(world.jobs.paused.files) == ["file_1", "file_2"]

    world.jobs.run = spec(mode=RunMode.ASYNC, body=sent)
    await world.durable.work(DISPATCH, redelivered=False)
    assert world.jobs.finished is not None
    assert sorted(world.jobs.finished.files) == ["file_1", "file_2"]


async def test_an_unstorable_pause_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executor_service.application.attached_runs.STORE_PAUSE_SECONDS", 0.0)
    world.jobs.failures_left = 1
    await world.attached.run(spec(), "inbox")

    error = world.callers.outcome.error
    assert error is not None
    assert (error.code, error.http_status) == (ErrorCode.EXECUTION_FAILED, 503)


async def test_a_concurrently_cancelled_run_does_not_pause(world: World) -> None:
    world.jobs.cancelled = True
    await world.attached.run(spec(), "inbox")

    assert world.callers.outcome.status is RunStatus.CANCELLED
    assert world.callers.outcome.output == EMPTY_OUTPUT


async def test_a_pause_waits_for_an_unavailable_jobs_service(world: World) -> None:
    world.jobs.failures_left = 1
    await world.attached.run(spec(), "inbox")

    assert world.callers.outcome.status is RunStatus.PAUSED
    assert world.jobs.paused is not None


async def test_a_paused_attached_run_is_resumed_by_any_worker(world: World) -> None:
    await world.attached.run(spec(), "inbox")
    assert world.jobs.paused is not None
    world.jobs.state, world.jobs.answers = world.jobs.paused.state, YES
    await world.durable.work(DISPATCH, redelivered=False)

    assert world.jobs.finished is not None
    assert bytes(world.jobs.finished.outcome.output.inline) == b'{"answer":{"yes":1}}'


async def test_a_durable_run_reports_its_pauses_and_reads_the_answer_from_its_journal(world: World) -> None:
    await world.durable.work(DISPATCH, redelivered=False)
    paused = world.jobs.finished
    assert paused is not None
    assert paused.outcome.status is RunStatus.PAUSED
    assert [point.context_id for point in paused.pauses] == ["work"]

    world.jobs.answers = YES
    await world.durable.work(DISPATCH, redelivered=False)
    assert world.jobs.finished is not None
    assert world.jobs.finished.outcome.status is RunStatus.COMPLETED


async def test_a_durable_run_waits_for_an_unavailable_deploy_service(world: World) -> None:
    blocks = launcher(world.services, [("function", work := Work())])
    worker = DurableRunWorker(blocks, world.jobs, ActiveRuns(), worker_id="worker")

    async with world.services.unavailable_for(0.3):
        await worker.work(DISPATCH, redelivered=False)

    assert work.times == 1
    assert world.jobs.finished is not None
    assert world.jobs.finished.outcome.status is RunStatus.COMPLETED
