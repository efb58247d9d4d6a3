"""A worker's consumers over an in-memory broker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from tests.support.executor.fakes import Callers, JobsService, Ledger, Services, Work, launcher, spec

from executor_service.adapters.reply_channel import BrokerReplyChannel
from executor_service.application.active_runs import ActiveRuns
from executor_service.application.attached_runs import AttachedRuns
from executor_service.application.durable_runs import DurableRunWorker
from executor_service.consumers.work import WorkConsumers
from shared.broker.connect import open_broker
from shared.broker.ports import Broker
from shared.clock import SystemClock
from shared.contracts.messages import AttachedRunRequested
from shared.contracts.runs import RunMode, RunSpec
from shared.ids import new_id


def attached_request(run: RunSpec | None = None) -> AttachedRunRequested:
    return AttachedRunRequested(run or spec(time_limit_ms=60_000), "inbox")


class World:
    """A worker with four slots for interactive runs, two for nested ones and three for durable ones."""

    def __init__(self, broker: Broker, drain_seconds: float) -> None:
        self.broker = broker
        self.work, self.callers, self.jobs = Work(), Callers(), JobsService(spec(mode=RunMode.ASYNC))
        self.running = running = ActiveRuns()
        blocks = launcher(Services(), [("function", self.work)])
        self.consumers = WorkConsumers(
            broker,
            AttachedRuns(
                blocks,
                partial(BrokerReplyChannel, self.callers),
                running,
                records=Ledger(),
                durable=self.jobs,
                clock=SystemClock(),
            ),
            DurableRunWorker(blocks, self.jobs, running, worker_id="worker"),
            running,
            interactive_slots=4,
            nested_slots=2,
            durable_slots=3,
            drain_seconds=drain_seconds,
        )


@asynccontextmanager
async def world(*, drain_seconds: float = 30.0) -> AsyncIterator[World]:
    broker = open_broker(f"memory://{new_id()}", service="test")
    await broker.start()
    here = World(broker, drain_seconds)
    await here.consumers.start()
    try:
        yield here
    finally:
        here.work.go_on.set()
        await here.consumers.stop()
        await broker.stop()
