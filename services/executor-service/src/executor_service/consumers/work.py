"""Consumers of the work queues."""

import asyncio
from collections import deque
from functools import partial
from typing import Final

from executor_service.application.active_runs import ActiveRuns
from executor_service.application.attached_runs import AttachedRuns
from executor_service.application.durable_runs import DurableRunWorker
from executor_service.application.run_handle import RunHandle
from executor_service.metrics import REDELIVERIES, SLOTS
from shared.broker.ports import Broker, BrokerUnavailable, Delivery, Listener, Settlement, Subscription
from shared.broker.queue_topology import ASYNC, EXPRESS, INTERACTIVE, NESTED
from shared.contracts.messages import AttachedRunRequested, DurableRunDispatched
from shared.observe.logging import get_logger
from shared.observe.plain_structlog import structlog
from shared.observe.spans import SpanKind, server_span
from shared.security.current_ticket import using_ticket

log = get_logger("work")

SETTLE_SECONDS: Final = 5.0
"""Time for stopped runs to report their end."""


class Slots:
    """Run slots, taken in the order of arrival. While runs wait, a released slot passes to the next one."""

    def __init__(self, count: int) -> None:
        self.free = count
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take(self) -> bool:
        """Take a slot, if one is free."""
        if not self.free:
            return False
        self.free -= 1
        return True

    async def acquire(self) -> None:
        """Take a slot as soon as one is free."""
        if self.take():
            return
        slot: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(slot)
        try:
            await slot
        except asyncio.CancelledError:
            if not slot.cancelled():
                self.release()
            raise

    def release(self) -> None:
        """Release a slot."""
        while self._waiting:
            slot = self._waiting.popleft()
            if not slot.done():
                slot.set_result(None)
                return
        self.free += 1


class WorkConsumers:
    """Consumers of runs. On stop, they take no new runs, wait for current ones, then stop and report the rest."""

    def __init__(
        self,
        broker: Broker,
        attached: AttachedRuns,
        durable: DurableRunWorker,
        running: ActiveRuns,
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
        interactive = Slots(interactive_slots)
        self._slots = {EXPRESS: interactive, INTERACTIVE: interactive, NESTED: Slots(nested_slots)}
        """Two queues share the interactive slots, so that either may use all of them.

        Runs without a free slot wait here.
        """
        self._is_stopped = False
        self._queues: dict[str, Subscription] = {}
        """Required queues."""
        self._express: Subscription | None = None
        """The fast path is optional: without it, runs arrive through the interactive queue."""
        self._control: Listener | None = None

    async def start(self) -> None:
        """Subscribe to cancels, then to the work queues. Raises BrokerUnavailable, and then holds no subscription."""
        SLOTS.labels("interactive").set_function(partial(self._open_slots, INTERACTIVE, self._interactive_slots))
        SLOTS.labels("nested").set_function(partial(self._open_slots, NESTED, self._nested_slots))
        SLOTS.labels("durable").set_function(partial(self._open_slots, ASYNC, self._durable_slots))
        try:
            await self._subscribe()
        except BrokerUnavailable:
            await self._unsubscribe()
            raise

    async def _subscribe(self) -> None:
        self._control = await self._broker.control.listen(self._running.handle_control)
        work = self._broker.work
        self._express = await work.consume(
            EXPRESS,
            partial(self.on_attached, EXPRESS),
            prefetch=self._interactive_slots,
            may_be_missing=True,
            free=lambda: self._slots[EXPRESS].free,
        )
        self._queues[INTERACTIVE] = await work.consume(
            INTERACTIVE, partial(self.on_attached, INTERACTIVE), prefetch=self._interactive_slots
        )
        self._queues[NESTED] = await work.consume(
            NESTED, partial(self.on_attached, NESTED), prefetch=self._nested_slots
        )
        self._queues[ASYNC] = await work.consume(ASYNC, self.on_durable, prefetch=self._durable_slots)

    async def _unsubscribe(self) -> None:
        held, control = (self._express, *self._queues.values()), self._control
        self._express, self._queues, self._control = None, {}, None
        await asyncio.gather(*(each.close(grace=0) for each in held if each is not None))
        if control is not None:
            await control.close()

    async def check(self) -> None:
        """Raises BrokerUnavailable while a queue or the broker is unavailable."""
        unavailable = [name for name, queue in self._queues.items() if not queue.is_consuming]
        if unavailable:
            raise BrokerUnavailable(f"cannot consume from {', '.join(unavailable)}")

    def _open_slots(self, queue: str, slots: int) -> int:
        return slots if queue in self._queues and self._queues[queue].is_consuming else 0

    async def stop(self) -> None:
        """Drain the queues and close the subscriptions."""
        stop_timer = asyncio.get_running_loop().call_later(self._drain_seconds, self._stop_active_runs)
        try:
            grace = self._drain_seconds + SETTLE_SECONDS
            subscriptions = (self._express, *self._queues.values())
            await asyncio.gather(*(queue.close(grace=grace) for queue in subscriptions if queue is not None))
        finally:
            stop_timer.cancel()
        if self._control is not None:
            await self._control.close()

    async def on_attached(self, queue: str, delivery: Delivery) -> Settlement:
        """Execute an attached run. A redelivered run is not executed: its caller decides whether to retry.

        It returns to the queue if its caller could not be notified: then the next worker or jobs-service reports it.
        """
        match delivery.message:
            case AttachedRunRequested(run=spec, reply_to=reply_to, attempt=attempt) as request:
                _bind_run_id(delivery, spec.run_id, queue)
                if delivery.redelivered:
                    is_reported = None
                elif queue == EXPRESS and not self._slots[queue].free:
                    is_reported = await self._attached.return_unstarted(spec, reply_to, attempt=attempt)
                else:
                    is_reported = await self._run_attached(queue, delivery, request)
                if is_reported is None:
                    is_reported = await self._attached.report_lost(spec, reply_to, attempt=attempt)
                return Settlement.ACK if is_reported else Settlement.REDELIVER
            case _:
                return Settlement.DEAD_LETTER

    async def on_durable(self, delivery: Delivery) -> Settlement:
        """Execute a dispatched run; acknowledge once its result is stored, or when another worker holds it."""
        match delivery.message:
            case DurableRunDispatched(run_id=run_id) as dispatch:
                _bind_run_id(delivery, run_id, ASYNC)
                await self._durable.work(dispatch, redelivered=delivery.redelivered)
                return Settlement.ACK
            case _:
                return Settlement.DEAD_LETTER

    async def _run_attached(self, queue: str, delivery: Delivery, request: AttachedRunRequested) -> bool | None:
        """Execute the run once a slot is free; return whether its caller was notified of its end.

        None: the run was not started and this worker no longer holds it. Another worker may, or its queue's node
        failed.
        """
        spec, handle = request.run, RunHandle()
        slots = self._slots[queue]
        has_slot = slots.take() or await self._wait_for_slot(slots, spec.run_id, handle)
        try:
            if self._is_stopped:
                return False
            if not delivery.is_held():
                return None
            with (
                using_ticket(request.ticket),
                server_span(delivery.traceparent, "run", SpanKind.CONSUMER, flowport__run__id=spec.run_id),
            ):
                return await self._attached.run(
                    spec, request.reply_to, attempt=request.attempt, is_held=delivery.is_held, handle=handle
                )
        finally:
            if has_slot:
                slots.release()

    async def _wait_for_slot(self, slots: Slots, run_id: str, handle: RunHandle) -> bool:
        """Wait for a slot, and return whether the run has one.

        A run that is stopped while waiting needs none: its caller was notified that it will not start, and may have
        retried.
        """
        waiting = asyncio.create_task(slots.acquire())
        try:
            with self._running.track(run_id, handle), handle.forward_cancels(waiting.cancel):
                await asyncio.wait({waiting})
        except asyncio.CancelledError:
            if not waiting.cancel() and not waiting.cancelled():
                slots.release()
            raise
        return not waiting.cancelled()

    def _stop_active_runs(self) -> None:
        self._is_stopped = True
        self._attached.stop_all()
        self._durable.release_all()


def _bind_run_id(delivery: Delivery, run_id: str, queue: str) -> None:
    structlog.contextvars.bind_contextvars(run_id=run_id)
    if delivery.redelivered:
        REDELIVERIES.labels(queue).inc()
        log.warning("run_redelivered", queue=queue, run_id=run_id)
