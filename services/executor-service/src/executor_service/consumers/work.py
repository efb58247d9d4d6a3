"""The work queues: what a delivery means, and what becomes of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, Literal

import structlog

from executor_service.application.attached_runs import AttachedRuns
from executor_service.application.durable_runs import DurableRunWorker
from executor_service.application.run_handle import RunHandle
from executor_service.application.running_runs import RunningRuns
from executor_service.metrics import REDELIVERIES, SLOTS
from shared.broker.ports import Broker, BrokerUnavailable, Delivery, Settlement, Subscription, WorkSubscription
from shared.broker.topology import ASYNC, EXPRESS, INTERACTIVE, NESTED
from shared.contracts.messages import AttachedRunRequested, DurableRunDispatched
from shared.observe.logging import get_logger
from shared.observe.spans import SpanKind, joined_span
from shared.security.presented_ticket import presenting

log = get_logger("work")

SETTLE_SECONDS: Final = 5.0
"""What runs that were told to stop may still need."""


class _Slots(asyncio.Semaphore):
    """Slots for runs, which knows how many are free."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.free = count

    async def acquire(self) -> Literal[True]:
        """Take a slot, as soon as one is free."""
        await super().acquire()
        self.free -= 1
        return True

    def release(self) -> None:
        """Give a slot back."""
        self.free += 1
        super().release()


class WorkConsumers:
    """Takes runs while the process lives. On stop: no new ones, time to finish, then an honest end for the rest."""

    def __init__(
        self,
        broker: Broker,
        attached: AttachedRuns,
        durable: DurableRunWorker,
        running: RunningRuns,
        *,
        interactive_slots: int,
        nested_slots: int,
        durable_slots: int,
        drain_seconds: float,
    ) -> None:
        self._broker = broker
        self._attached = attached
        self._durable = durable
        self._running = running
        self._interactive_slots = interactive_slots
        self._nested_slots = nested_slots
        self._durable_slots = durable_slots
        self._drain_seconds = drain_seconds
        interactive = _Slots(interactive_slots)
        self._slots = {EXPRESS: interactive, INTERACTIVE: interactive, NESTED: _Slots(nested_slots)}
        """Two queues have the same slots, so that either may use all of them: what finds none waits for it here."""
        self._is_over = False
        self._queues: dict[str, WorkSubscription] = {}
        """Without them there is no work."""
        self._express: WorkSubscription | None = None
        """Without it, work comes the longer way."""
        self._control: Subscription | None = None

    async def start(self) -> None:
        """Listen for cancels, then take work. Raises BrokerUnavailable."""
        SLOTS.labels("interactive").set_function(partial(self._open_slots, INTERACTIVE, self._interactive_slots))
        SLOTS.labels("nested").set_function(partial(self._open_slots, NESTED, self._nested_slots))
        SLOTS.labels("durable").set_function(partial(self._open_slots, ASYNC, self._durable_slots))
        self._control = await self._broker.control.listen(self._running.on_control)
        work = self._broker.work
        self._express = await work.consume(
            EXPRESS,
            partial(self.on_attached, EXPRESS),
            prefetch=self._interactive_slots,
            may_be_away=True,
            free=lambda: self._slots[EXPRESS].free,
        )
        self._queues = {
            INTERACTIVE: await work.consume(
                INTERACTIVE, partial(self.on_attached, INTERACTIVE), prefetch=self._interactive_slots
            ),
            NESTED: await work.consume(NESTED, partial(self.on_attached, NESTED), prefetch=self._nested_slots),
            ASYNC: await work.consume(ASYNC, self.on_durable, prefetch=self._durable_slots),
        }

    async def check(self) -> None:
        """Raises BrokerUnavailable while a queue gives nothing: it is missing, or the broker is."""
        silent = [name for name, queue in self._queues.items() if not queue.is_taking]
        if silent:
            raise BrokerUnavailable(f"nothing can be taken from {', '.join(silent)}")

    def _open_slots(self, queue: str, slots: int) -> int:
        return slots if queue in self._queues and self._queues[queue].is_taking else 0

    async def stop(self) -> None:
        """Drain."""
        stop_the_rest = asyncio.get_running_loop().call_later(self._drain_seconds, self._stop_the_rest)
        try:
            grace = self._drain_seconds + SETTLE_SECONDS
            taken = (self._express, *self._queues.values())
            await asyncio.gather(*(queue.close(grace=grace) for queue in taken if queue is not None))
        finally:
            stop_the_rest.cancel()
        if self._control is not None:
            await self._control.close(grace=0)

    async def on_attached(self, queue: str, delivery: Delivery) -> Settlement:
        """An attached run. One that was delivered before is not begun here: whoever asked decides.

        It goes back where whoever asked could not be told: the next worker reports it, or else jobs-service does.
        """
        match delivery.message:
            case AttachedRunRequested(run=spec, reply_to=reply_to, attempt=attempt) as request:
                _enter(delivery, spec.run_id, queue)
                if delivery.redelivered:
                    told = None
                elif queue == EXPRESS and self._slots[queue].locked():
                    told = await self._attached.hand_back(spec, reply_to, attempt=attempt)
                else:
                    told = await self._begin(queue, delivery, request)
                if told is None:
                    told = await self._attached.report_lost(spec, reply_to, attempt=attempt)
                return Settlement.ACK if told else Settlement.REDELIVER
            case _:
                return Settlement.DEAD_LETTER

    async def on_durable(self, delivery: Delivery) -> Settlement:
        """A dispatched run; acknowledged once its result is stored, or when it is not ours."""
        match delivery.message:
            case DurableRunDispatched(run_id=run_id) as dispatch:
                _enter(delivery, run_id, ASYNC)
                await self._durable.work(dispatch, redelivered=delivery.redelivered)
                return Settlement.ACK
            case _:
                return Settlement.DEAD_LETTER

    async def _begin(self, queue: str, delivery: Delivery, request: AttachedRunRequested) -> bool | None:
        """Run it once there is a slot: whether whoever asked was told of its end.

        None: it was not begun, and is not ours any more. Another may have it, or it died with its queue's node.
        """
        spec, handle = request.run, RunHandle()
        async with self._slot(queue, spec.run_id, handle):
            if self._is_over:
                return False
            if not delivery.is_held():
                return None
            with (
                presenting(request.ticket),
                joined_span(delivery.traceparent, "run", SpanKind.CONSUMER, flowport__run__id=spec.run_id),
            ):
                return await self._attached.run(
                    spec, request.reply_to, attempt=request.attempt, is_held=delivery.is_held, handle=handle
                )

    @asynccontextmanager
    async def _slot(self, queue: str, run_id: str, handle: RunHandle) -> AsyncIterator[None]:
        """A slot for a run. One that is told to stop while it waits needs none: whoever asked was told that it will
        not begin, and may have asked again.
        """
        slots = self._slots[queue]
        if not slots.locked():
            async with slots:
                yield
            return
        waiting = asyncio.create_task(slots.acquire())
        try:
            with self._running.holding(run_id, handle), handle.passing_to(waiting.cancel):
                await asyncio.wait({waiting})
            yield
        finally:
            if not waiting.cancel() and not waiting.cancelled():
                slots.release()

    def _stop_the_rest(self) -> None:
        self._is_over = True
        self._attached.stop_all()
        self._durable.release_all()


def _enter(delivery: Delivery, run_id: str, queue: str) -> None:
    structlog.contextvars.bind_contextvars(run_id=run_id)
    if delivery.redelivered:
        REDELIVERIES.labels(queue).inc()
        log.warning("a run came back: whoever had it is gone", queue=queue, run_id=run_id)
