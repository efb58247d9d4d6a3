"""Sync callers that disconnect, runs that no worker takes, lost workers and brokers."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest
from tests.support.eventually import eventually
from tests.support.gateway.system import System, running_system
from tests.support.gateway.worker import Send, outcome
from tests.support.left_behind import without_collections
from tests.support.tickets import SIGNER

from gateway.runs.attached import MAX_ATTEMPTS, AttachedCall, BrokerAttachedRuns
from gateway.runs.dispatch import Cancels, RunRecords
from gateway.runs.errors import NotStarted, RunLost
from gateway.runs.requests import ExecuteRequest
from shared.broker.ports import BrokerDisconnected, BrokerUnavailable, QueueFull, ReplyInbox
from shared.clock import SystemClock
from shared.contracts.events import RunEnded, RunExpired, RunStarted
from shared.contracts.messages import CancelRun, EventBatch, Message, RecordBatch, RunRecorded
from shared.contracts.payloads import Payload
from shared.contracts.runs import ErrorCode, RunError, RunMode, RunSpec, RunStatus, SnapshotRef
from shared.errors import AtCapacity, RunIdTaken, Unavailable


async def test_a_disconnected_sync_caller_cancels_the_run(system: System) -> None:
    system.worker.script = lambda run: [[RunStarted()]]
    call = system.execute_call({}, headers={"X-Execution-Id": "E1"})
    await eventually(lambda: system.worker.runs)
    await call.disconnect()
    await eventually(lambda: system.worker.cancelled == ["E1@WS1"])
    assert call.answer.status == 499
    assert call.answer.json == {"success": False, "error": "Client cancelled request"}


async def test_a_disconnected_caller_is_freed_without_a_garbage_collection(system: System) -> None:
    system.worker.script = lambda run: [[RunStarted()]]
    with without_collections() as remains:
        call = system.execute_call({"text": "long"}, headers={"X-Execution-Id": "E1"})
        await eventually(lambda: system.worker.runs)
        await call.disconnect()
        await eventually(lambda: remains.of(AttachedCall, ExecuteRequest) == [])


async def test_a_finished_run_is_not_cancelled(system: System) -> None:
    await system.execute({})
    await system.execute({"stream": True})
    await asyncio.sleep(0.02)
    assert system.worker.cancelled == []


async def test_a_run_that_no_worker_takes_is_503_and_will_not_run() -> None:
    async with running_system(queue_wait_seconds=0.02, run_margin_seconds=0.02) as system:
        system.worker.script = lambda run: []
        answer = await system.execute({}, headers={"X-Execution-Id": "E1"})
        assert answer.status == 503
        assert answer.json == {
            "error": "Service temporarily at capacity",
            "retryAfterSeconds": 10,
            "message": "No worker was free in time",
        }
        await eventually(lambda: system.worker.cancelled == ["E1@WS1"])


async def test_a_run_that_its_worker_does_not_end_is_408() -> None:
    async with running_system(plan_limits={"free": {"sync_seconds": 1}}, run_margin_seconds=0.01) as system:

        async def begins(run: RunSpec, send: Send) -> None:
            await send(0, [RunStarted()])

        system.worker.perform = begins
        answer = await system.execute({}, headers={"X-Execution-Id": "E1"})
        assert answer.status == 408
        assert answer.json == {"success": False, "output": {}, "error": "Execution timed out after 1 seconds"}
        assert answer.headers["x-execution-id"] == "E1"
        await eventually(lambda: system.worker.cancelled == ["E1@WS1"])
        answer = await system.send("POST", "/api/v2/workflows/W/execute", {}, headers={"X-Run-Id": "R1"})
        assert (answer.status, "retry-after" in answer.headers) == (503, False)
        assert answer.headers["x-run-id"] == "R1"
        assert answer.json["error"]["details"] == {"code": "RUN_OVERDUE", "runId": "R1"}


async def test_stopping_the_gateway_cancels_its_waiting_runs() -> None:
    async with running_system() as system:
        system.worker.script = lambda run: []
        call = system.execute_call({}, headers={"X-Execution-Id": "E1"})
        await eventually(lambda: system.worker.runs)
    answer = await call.done()
    assert answer.status == 503
    assert (answer.json["executionId"], answer.headers["x-execution-id"]) == ("E1", "E1")
    assert "retry-after" not in answer.headers


async def test_a_run_with_possible_effects_has_no_retry_hint() -> None:
    async with running_system() as system:
        system.worker.script = lambda run: []
        call = system.call("POST", "/api/v2/workflows/W/execute", headers={"x-api-key": system.key}, body=b"{}")
        await eventually(lambda: system.worker.runs)
    stopped = await call.done()
    assert (stopped.status, stopped.json["error"]["details"]["code"]) == (503, "RUN_LOST")
    assert "retry-after" not in stopped.headers


def a_run(run_id: str = "E1", workspace_id: str = "WS1") -> RunSpec:
    return RunSpec(
        run_id=run_id,
        snapshot=SnapshotRef(workspace_id=workspace_id, workflow_id="W", snapshot_hash="h"),
        mode=RunMode.SYNC,
        input=Payload(),
        time_limit_ms=1000,
    )


class FragileBroker:
    """A broker that can disconnect and refuse, and through which tests send."""

    def __init__(self) -> None:
        self.published: list[Message] = []
        self.kept_ms: list[int | None] = []
        self.cancelled: list[str] = []
        self.refusal: Exception | None = None
        self.epoch = 0
        self.work = self.replies = self.control = self

    @property
    def address(self) -> str:
        return f"inbox-{self.epoch}"

    async def open_inbox(self, on_batch: Callable[[EventBatch], None], on_lost: Callable[[], None]) -> ReplyInbox:
        self.on_batch, self.on_lost = on_batch, on_lost
        return self

    async def close(self) -> None:
        """Open nothing."""

    async def publish(
        self, queue: str, message: Message, *, traceparent: str | None = None, ttl_ms: int | None = None
    ) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.published.append(message)
        self.kept_ms.append(ttl_ms)

    async def broadcast(self, message: CancelRun) -> None:
        self.cancelled.append(message.run_id)

    def lose(self) -> None:
        self.epoch += 1
        self.on_lost()


@pytest.fixture
async def broker() -> FragileBroker:
    return FragileBroker()


@pytest.fixture
async def runs(broker: FragileBroker) -> BrokerAttachedRuns:
    attached = BrokerAttachedRuns(
        broker,
        Cancels(broker, SystemClock()),
        RunRecords(broker, SystemClock()),
        SystemClock(),
        signer=SIGNER,
        queue_wait_seconds=5,
        margin_seconds=1,
        stop_seconds=0.01,
    )
    await attached.start()
    return attached


async def test_losing_the_broker_ends_every_waiting_call_immediately(
    broker: FragileBroker, runs: BrokerAttachedRuns
) -> None:
    calls = [await runs.attach(a_run(f"E{number}")) for number in range(3)]
    waiting = [asyncio.create_task(call.outcome()) for call in calls]
    await asyncio.sleep(0)
    broker.lose()
    for number, task in enumerate(waiting):
        with pytest.raises(RunLost) as lost:
            await task
        assert lost.value.run_id == f"E{number}"


async def test_after_a_loss_runs_answer_to_a_new_address(broker: FragileBroker, runs: BrokerAttachedRuns) -> None:
    (await runs.attach(a_run("E1"))).disconnect()
    broker.lose()
    (await runs.attach(a_run("E2"))).disconnect()
    assert [message.reply_to for message in broker.published] == ["inbox-0", "inbox-1"]  # type: ignore[union-attr]


async def test_a_run_waits_for_a_worker_at_most_as_long_as_its_caller(
    broker: FragileBroker, runs: BrokerAttachedRuns
) -> None:
    (await runs.attach(a_run())).disconnect()
    assert broker.kept_ms == [5_000]


@pytest.mark.parametrize(
    ("refusal", "raised"),
    [
        (QueueFull("full"), AtCapacity),
        (BrokerUnavailable("no confirm"), RunLost),
        (BrokerDisconnected("away"), Unavailable),
    ],
)
async def test_a_publish_that_fails_leaves_nothing_behind(
    broker: FragileBroker, runs: BrokerAttachedRuns, refusal: Exception, raised: type[Exception]
) -> None:
    broker.refusal = refusal
    with pytest.raises(raised) as failed:
        await runs.attach(a_run())
    assert type(failed.value) is raised
    broker.refusal = None
    (await runs.attach(a_run())).disconnect()


@pytest.mark.parametrize(
    ("refusal", "cancelled"),
    [(QueueFull("full"), []), (BrokerDisconnected("away"), []), (BrokerUnavailable("no confirm"), ["E1@WS1"])],
)
async def test_only_runs_that_a_worker_may_have_are_cancelled_at_the_workers(
    broker: FragileBroker, runs: BrokerAttachedRuns, refusal: Exception, cancelled: list[str]
) -> None:
    broker.refusal = refusal
    with pytest.raises((AtCapacity, Unavailable)):
        await runs.attach(a_run())
    await asyncio.sleep(0.02)
    assert broker.cancelled == cancelled, "they remember it: the next call with this id would be stopped"


def lost(attempt: int = 0) -> EventBatch:
    """Return the reply of a worker that received the message of another, lost one."""
    error = RunError(ErrorCode.WORKER_LOST, "gone")
    return EventBatch("E1@WS1", 0, (RunEnded(outcome(status=RunStatus.FAILED, error=error)),), attempt=attempt)


async def test_a_run_not_begun_by_its_lost_worker_is_redispatched(
    broker: FragileBroker, runs: BrokerAttachedRuns
) -> None:
    call = await runs.attach(a_run())
    broker.on_batch(lost())
    await eventually(lambda: len(broker.published) == 2)
    assert [message.attempt for message in broker.published] == [0, 1]  # type: ignore[union-attr]
    broker.on_batch(EventBatch("E1@WS1", 0, (RunEnded(outcome({"done": True})),), attempt=1))
    assert bytes((await call.outcome()).output.inline) == b'{"done":true}'


async def test_a_run_begun_by_its_lost_worker_is_not_restarted_and_is_recorded(
    broker: FragileBroker, runs: BrokerAttachedRuns
) -> None:
    call = await runs.attach(a_run())
    broker.on_batch(EventBatch("E1@WS1", 0, (RunStarted(),)))
    broker.on_batch(lost())
    error = (await call.outcome()).error
    assert error is not None
    assert error.code is ErrorCode.WORKER_LOST
    await eventually(lambda: len(broker.published) == 2)
    record = broker.published[1]
    assert isinstance(record, RecordBatch)
    assert [each.run.run_id for each in record.records] == ["E1@WS1"]


def expired(attempt: int = 0) -> EventBatch:
    """Return the report of a run that is in no queue any longer."""
    return EventBatch("E1@WS1", 0, (RunExpired(),), attempt=attempt)


async def test_a_run_taken_by_no_worker_in_time_ends_immediately_as_such(
    broker: FragileBroker, runs: BrokerAttachedRuns
) -> None:
    call = await runs.attach(a_run())
    broker.on_batch(expired())
    with pytest.raises(NotStarted):
        await call.outcome()
    assert len(broker.published) == 1


@pytest.mark.parametrize("mode", [RunMode.SYNC, RunMode.STREAM])
async def test_a_begun_run_without_a_reporting_worker_is_recorded_as_lost(
    broker: FragileBroker, runs: BrokerAttachedRuns, mode: RunMode
) -> None:
    call = await runs.attach(msgspec.structs.replace(a_run(), mode=mode))
    broker.on_batch(EventBatch("E1@WS1", 0, (RunStarted(),)))
    broker.on_batch(expired())
    error = (await call.outcome()).error
    assert error is not None
    assert error.code is ErrorCode.WORKER_LOST
    await eventually(lambda: len(broker.published) == 2)
    assert isinstance(broker.published[1], RecordBatch)


async def test_the_expiry_of_an_earlier_attempt_has_no_effect(broker: FragileBroker, runs: BrokerAttachedRuns) -> None:
    call = await runs.attach(a_run())
    broker.on_batch(lost())
    broker.on_batch(expired())
    broker.on_batch(EventBatch("E1@WS1", 0, (RunEnded(outcome({"by": "the second"})),), attempt=1))
    assert bytes((await call.outcome()).output.inline) == b'{"by":"the second"}'


async def test_replies_of_a_returning_worker_are_ignored_after_a_redispatch(
    broker: FragileBroker, runs: BrokerAttachedRuns
) -> None:
    call = await runs.attach(a_run())
    broker.on_batch(lost())
    broker.on_batch(EventBatch("E1@WS1", 0, (RunEnded(outcome({"by": "a ghost"})),)))
    broker.on_batch(lost())
    broker.on_batch(EventBatch("E1@WS1", 0, (RunEnded(outcome({"by": "the second"})),), attempt=1))
    assert bytes((await call.outcome()).output.inline) == b'{"by":"the second"}'


async def test_a_run_whose_workers_are_lost_one_after_the_other_ends(
    broker: FragileBroker, runs: BrokerAttachedRuns
) -> None:
    call = await runs.attach(a_run())
    for attempt in range(MAX_ATTEMPTS):
        broker.on_batch(lost(attempt))
    assert (await call.outcome()).status is RunStatus.FAILED


@pytest.mark.parametrize("begun", [False, True])
async def test_a_cancelled_run_that_no_worker_ends_is_ended_and_recorded_as_cancelled(
    broker: FragileBroker, runs: BrokerAttachedRuns, *, begun: bool
) -> None:
    call = await runs.attach(a_run())
    if begun:
        broker.on_batch(EventBatch("E1@WS1", 0, (RunStarted(),)))
    runs.on_control(CancelRun("E1@WS1"))
    assert (await call.outcome()).status is RunStatus.CANCELLED
    await eventually(lambda: len(broker.published) == 2)
    record = broker.published[1]
    assert isinstance(record, RecordBatch)
    assert isinstance(record.records[0], RunRecorded)
    assert record.records[0].outcome.status is RunStatus.CANCELLED


async def test_a_cancelled_run_that_its_worker_ends_is_not_recorded_here(
    broker: FragileBroker, runs: BrokerAttachedRuns
) -> None:
    call = await runs.attach(a_run())
    runs.on_control(CancelRun("E1@WS1"))
    broker.on_batch(EventBatch("E1@WS1", 0, (RunEnded(outcome({"so": "far"}, status=RunStatus.CANCELLED)),)))
    assert bytes((await call.outcome()).output.inline) == b'{"so":"far"}'
    await asyncio.sleep(0.05)
    assert len(broker.published) == 1


async def test_one_id_is_waited_for_once_in_its_workspace(broker: FragileBroker, runs: BrokerAttachedRuns) -> None:
    first = await runs.attach(a_run("same", "WS1"))
    await runs.attach(a_run("same", "WS2"))
    with pytest.raises(RunIdTaken):
        await runs.attach(a_run("same", "WS1"))
    broker.on_batch(EventBatch("same@WS1", 0, (RunEnded(outcome({"mine": True})),)))
    assert bytes((await first.outcome()).output.inline) == b'{"mine":true}'


async def test_strays_are_cancelled_once_a_second(broker: FragileBroker, runs: BrokerAttachedRuns) -> None:
    for seq in range(50):
        broker.on_batch(EventBatch("stray", seq, (RunStarted(),)))
    await asyncio.sleep(0)
    assert broker.cancelled == ["stray"]


async def test_a_call_refused_by_an_unavailable_broker_may_be_repeated(system: System) -> None:
    await system.broker.stop()
    with without_collections() as remains:
        answer = await system.execute({}, headers={"X-Execution-Id": "E1"})
        await asyncio.sleep(0)
        assert remains.of(AttachedCall) == [], "nor is it kept in memory"
    assert answer.status == 503
    assert answer.json == {"error": "Service temporarily unavailable"}
    assert int(answer.headers["retry-after"]) > 0
