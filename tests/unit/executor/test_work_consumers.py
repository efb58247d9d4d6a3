"""A worker's queues: bounded concurrency, settlement by the outcome of the run, and an orderly stop."""

import asyncio

import msgspec
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs
from tests.support.broker_samples import Recorder
from tests.support.eventually import eventually
from tests.support.executor.fakes import spec
from tests.support.executor.work import World, attached_request, world

from executor_service.adapters import reply_channel
from shared.broker.connect import open_broker
from shared.broker.ports import BrokerUnavailable, Delivery, Settlement
from shared.broker.queue_topology import ASYNC, EXPRESS, INTERACTIVE, NESTED
from shared.contracts.events import RunEnded
from shared.contracts.messages import CancelRun, DurableRunDispatched
from shared.contracts.runs import RunStatus
from shared.ids import new_id

DISPATCHED = DurableRunDispatched("r1", "d1", "w1")


def redelivered(queue: str) -> float:
    return REGISTRY.get_sample_value("flowport_executor_redeliveries_total", {"queue": queue}) or 0.0


@pytest.mark.parametrize(
    ("queue", "chain", "slots"),
    [(EXPRESS, (), 4), (INTERACTIVE, (), 4), (NESTED, ("outer",), 2)],
    ids=["express", "interactive", "nested"],
)
async def test_a_queue_has_as_many_runs_in_hand_as_it_has_slots(queue: str, chain: tuple[str, ...], slots: int) -> None:
    async with world() as here:
        here.work.go_on.clear()
        for number in range(5):
            run = msgspec.structs.replace(spec(f"r{number}", time_limit_ms=60_000), call_chain=chain)
            await here.broker.work.publish(queue, attached_request(run))
        await eventually(lambda: here.work.times >= slots)
        await asyncio.sleep(0.05)
        assert here.work.times == slots


async def test_a_failed_start_consumes_no_queue_and_can_be_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = open_broker(f"memory://{new_id()}", service="test")
    await broker.start()
    here = World(broker, drain_seconds=30.0)
    consume = broker.work.consume

    async def without_durable_queue(queue: str, *arguments: object, **options: object) -> object:
        if queue == ASYNC:
            raise BrokerUnavailable("there is no queue runs.async")
        return await consume(queue, *arguments, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(broker.work, "consume", without_durable_queue)
        with pytest.raises(BrokerUnavailable):
            await here.consumers.start()
    await ask(here, INTERACTIVE, "i1")
    await asyncio.sleep(0.05)
    assert here.work.times == 0
    await here.consumers.start()
    await eventually(lambda: here.work.times == 1)
    await here.consumers.check()
    await here.consumers.stop()
    await broker.stop()


async def ask(here: World, queue: str, *names: str) -> None:
    for name in names:
        await here.broker.work.publish(queue, attached_request(spec(name, time_limit_ms=60_000)))


async def leave_one_without_a_slot(here: World) -> None:
    """Occupy all slots until `go_on` is set, with a run named `waits` in progress."""
    here.work.go_on.clear()
    await ask(here, EXPRESS, "e1", "e2", "e3", "e4")
    await ask(here, INTERACTIVE, "waits")
    await eventually(lambda: here.work.times == 4)


async def test_waiting_and_immediate_runs_share_the_same_slots() -> None:
    async with world() as here:
        here.work.go_on.clear()
        await ask(here, EXPRESS, "e1", "e2", "e3")
        await ask(here, INTERACTIVE, "i1", "i2", "i3")
        await eventually(lambda: here.work.times == 4)
        await asyncio.sleep(0.05)
        assert here.work.times == 4
        here.work.go_on.set()
        await eventually(lambda: here.work.times == 6)


def lost_runs() -> float:
    return REGISTRY.get_sample_value("flowport_executor_runs_total", {"mode": "sync", "status": "lost"}) or 0.0


async def test_a_full_worker_requeues_runs_that_another_could_start() -> None:
    before = lost_runs()
    async with world() as here:
        here.work.go_on.clear()
        await ask(here, INTERACTIVE, "i1", "i2", "i3", "i4")
        await eventually(lambda: here.work.times == 4)
        await ask(here, EXPRESS, "late")
        await eventually(lambda: here.callers.ends)
        assert here.callers.ends["late"].is_loss
        here.work.go_on.set()
        await eventually(lambda: len(here.callers.ends) == 5)
        assert here.work.times == 4
    assert lost_runs() == before


async def test_runs_waiting_for_a_slot_of_a_lost_worker_go_to_another() -> None:
    async with world(drain_seconds=0.05) as here:
        await leave_one_without_a_slot(here)
        await asyncio.wait_for(here.consumers.stop(), 30)
        assert here.work.times == 4
        redelivered = Recorder()
        await here.broker.work.consume(INTERACTIVE, redelivered, prefetch=1)
        await eventually(lambda: redelivered.deliveries)
        assert redelivered.deliveries[0].redelivered


async def test_a_run_cancelled_while_it_waits_for_a_slot_ends_immediately() -> None:
    async with world() as here:
        await leave_one_without_a_slot(here)
        await here.broker.control.broadcast(CancelRun("waits"))
        await eventually(lambda: here.callers.ends)
        assert here.callers.ends["waits"].status is RunStatus.CANCELLED
        here.work.go_on.set()
        await eventually(lambda: len(here.callers.ends) == 5)
        assert here.work.times == 4


async def test_a_cancelled_run_leaves_the_number_of_slots_unchanged() -> None:
    async with world() as here:
        await leave_one_without_a_slot(here)
        await here.broker.control.broadcast(CancelRun("waits"))
        await eventually(lambda: here.callers.ends)
        here.work.go_on.set()
        await eventually(lambda: len(here.callers.ends) == 5)
        here.work.go_on.clear()
        await ask(here, INTERACTIVE, "i1", "i2", "i3", "i4", "i5")
        await eventually(lambda: here.work.times == 8)
        await asyncio.sleep(0.05)
        assert here.work.times == 8


async def test_durable_runs_have_separate_slots() -> None:
    async with world() as here:
        here.jobs.failures_left = 1_000  # each continues to request its run
        for number in range(4):
            await here.broker.work.publish(ASYNC, DurableRunDispatched("r1", f"d{number}", "w1"))
        await eventually(lambda: len(here.jobs.claims) >= 3)
        await asyncio.sleep(0.05)
        assert {claim.dispatch_id for claim in here.jobs.claims} == {"d0", "d1", "d2"}
        here.jobs.failures_left = 0


async def test_a_redelivered_run_is_reported_and_not_started() -> None:
    async with world() as here:
        delivery, before = Delivery(attached_request(), redelivered=True), redelivered(INTERACTIVE)
        with capture_logs() as logs:
            assert await here.consumers.on_attached(INTERACTIVE, delivery) is Settlement.ACK
        assert [(line["event"], line["run_id"]) for line in logs] == [("run_redelivered", "r1")]
        assert here.callers.batches[0].reported_loss is not None
        assert redelivered(INTERACTIVE) == before + 1
        assert here.work.times == 0


async def test_a_run_redelivered_to_another_worker_starts_no_effect() -> None:
    async with world() as here:
        held = iter([True])  # on start, and no longer once it has work
        delivery = Delivery(attached_request(), redelivered=False, is_held=lambda: next(held, False))
        await here.consumers.on_attached(EXPRESS, delivery)
        assert here.callers.outcome.status is RunStatus.FAILED
        assert here.work.times == 0


async def test_a_run_requeued_while_it_waited_is_not_started_but_reported() -> None:
    async with world() as here:
        delivery = Delivery(attached_request(), redelivered=False, is_held=lambda: False)
        assert await here.consumers.on_attached(EXPRESS, delivery) is Settlement.ACK
        assert here.callers.batches[0].reported_loss is not None, "no other worker may get it: its queue may be gone"
        assert here.work.times == 0


@pytest.mark.parametrize("redelivered", [False, True])
async def test_the_message_of_a_run_with_an_unreportable_end_is_requeued(
    monkeypatch: pytest.MonkeyPatch, *, redelivered: bool
) -> None:
    monkeypatch.setattr(reply_channel, "RECONNECT_SECONDS", 0.0)
    async with world() as here:
        delivery = Delivery(attached_request(), redelivered=redelivered)
        here.callers.broker_lost = True
        assert await here.consumers.on_attached(INTERACTIVE, delivery) is Settlement.REDELIVER
        here.callers.broker_lost, here.callers.is_disconnected = False, True
        assert await here.consumers.on_attached(INTERACTIVE, delivery) is Settlement.ACK, "its caller has left"


async def test_jobs_service_is_notified_of_a_second_delivery() -> None:
    async with world() as here:
        await here.consumers.on_durable(Delivery(DISPATCHED, redelivered=True))
        assert [claim.redelivered for claim in here.jobs.claims] == [True]


async def test_a_message_in_the_wrong_queue_is_a_dead_letter() -> None:
    async with world() as here:
        assert await here.consumers.on_attached(EXPRESS, Delivery(DISPATCHED, False)) is Settlement.DEAD_LETTER
        assert await here.consumers.on_durable(Delivery(attached_request(), False)) is Settlement.DEAD_LETTER


async def test_a_cancel_is_received_from_start_to_end() -> None:
    async with world() as here:
        here.work.go_on.clear()
        await here.broker.work.publish(INTERACTIVE, attached_request())
        await asyncio.wait_for(here.work.begun.wait(), 30)
        await here.broker.control.broadcast(CancelRun("r1"))
        await eventually(lambda: any(isinstance(event, RunEnded) for event in here.callers.events))
        assert here.callers.outcome.status is RunStatus.CANCELLED


async def test_a_stopping_worker_finishes_its_runs() -> None:
    async with world() as here:
        here.work.go_on.clear()
        await here.broker.work.publish(INTERACTIVE, attached_request())
        await asyncio.wait_for(here.work.begun.wait(), 30)
        stopping = asyncio.create_task(here.consumers.stop())
        await asyncio.sleep(0.05)
        here.work.go_on.set()
        await asyncio.wait_for(stopping, 30)
        assert here.callers.outcome.status is RunStatus.COMPLETED


async def test_runs_longer_than_the_drain_time_are_ended_with_an_error_or_requeued() -> None:
    async with world(drain_seconds=0.05) as here:
        here.work.go_on.clear()
        await here.broker.work.publish(INTERACTIVE, attached_request(spec("r2")))
        await here.broker.work.publish(ASYNC, DISPATCHED)
        await eventually(lambda: here.work.times == 2)
        await asyncio.wait_for(here.consumers.stop(), 30)
        assert here.callers.outcome.is_loss
        assert (here.jobs.released, here.jobs.finished) == (1, None)


def slots(kind: str) -> float | None:
    return REGISTRY.get_sample_value("flowport_executor_slots", {"kind": kind})


async def test_a_worker_whose_queue_gives_nothing_is_not_ready_and_has_no_slots() -> None:
    async with world() as here:
        await here.consumers.check()
        assert [slots(kind) for kind in ("interactive", "nested", "durable")] == [4, 2, 3]
        await here.consumers.stop()
        assert [slots(kind) for kind in ("interactive", "nested", "durable")] == [0, 0, 0]
        with pytest.raises(BrokerUnavailable, match=r"runs\.interactive, runs\.nested, runs\.async"):
            await here.consumers.check()


async def test_a_stopped_worker_receives_nothing_more() -> None:
    class Held:
        cancels = 0

        def cancel(self, reason: str) -> None:
            self.cancels += 1

        def follow(self, address: str) -> None:
            """Ignore the event."""

    async with world() as here:
        await here.consumers.stop()
        with here.running.track("r1", held := Held()):
            await here.broker.control.broadcast(CancelRun("r1"))
            await asyncio.sleep(0)
        assert held.cancels == 0
