"""Channel to the caller of an attached run: delivers events in order and without gaps."""

from collections.abc import Callable
from functools import partial
from typing import Final

from executor_service.adapters.event_batcher import EventBatcher
from executor_service.application.retries import retry_unavailable
from executor_service.ports import DeliveryStatus
from shared.broker.ports import BrokerUnavailable, ReplyOverflow, ReplyStream, ReplyUnroutable
from shared.contracts.events import RunEnded, RunEvent
from shared.contracts.messages import EventBatch
from shared.errors import Unavailable

NOT_ACCEPTED: Final = (ReplyOverflow, BrokerUnavailable)
UNDELIVERABLE: Final = (ReplyUnroutable, *NOT_ACCEPTED)
CALLER_UNREACHABLE: Final = "The caller of the run is unreachable"
RECONNECT_SECONDS: Final = 30.0
"""How long to wait for a lost broker: the caller may still wait if only this connection failed."""


def do_nothing() -> None:
    """Ignore the event."""


class BrokerReplyChannel:
    """Implements ReplyChannel."""

    def __init__(
        self,
        replies: ReplyStream,
        address: str,
        run_id: str,
        on_broken: Callable[[], None] = do_nothing,
        *,
        attempt: int = 0,
    ) -> None:
        self._replies = replies
        self._address = address
        self._run_id = run_id
        self._on_broken = on_broken
        self._attempt = attempt
        self._seq = 0
        self._is_start_confirmed = False
        self._status = DeliveryStatus.DELIVERED
        self._batcher = EventBatcher(self._send)

    async def emit(self, event: RunEvent) -> None:
        """Add an event; return when there is room for the next."""
        await self._batcher.emit(event)

    async def confirm_start(self) -> None:
        """Return once the caller's process knows that the run has started. Raises Unavailable if that is unknown."""
        if not self._is_start_confirmed:
            await self._batcher.flush()
        if self._status is not DeliveryStatus.DELIVERED:
            raise Unavailable(CALLER_UNREACHABLE)

    async def close(self) -> DeliveryStatus:
        """Wait for outgoing events; return whether the caller's process received all."""
        await self._batcher.close()
        return self._status

    async def _send(self, events: tuple[RunEvent, ...]) -> None:
        if self._status is not DeliveryStatus.DELIVERED:
            return
        batch = EventBatch(self._run_id, self._seq, events, attempt=self._attempt)
        self._seq += 1
        try:
            await self._deliver(batch, is_end=isinstance(events[-1], RunEnded))
            self._is_start_confirmed = True
        except ReplyUnroutable:
            self._mark_broken(DeliveryStatus.DISCONNECTED)
        except NOT_ACCEPTED:
            self._mark_broken(DeliveryStatus.UNKNOWN)

    async def _deliver(self, batch: EventBatch, *, is_end: bool) -> None:
        """Resend what the broker did not accept; a slow reader gets at least the end."""
        send = partial(self._replies.send, self._address, batch)
        retryable = NOT_ACCEPTED if is_end else BrokerUnavailable
        try:
            await send(must_route=is_end or batch.seq == 0)
        except retryable:  # it may have accepted the batch: the reader drops repetitions
            await retry_unavailable(partial(send, must_route=True), seconds=RECONNECT_SECONDS, on=retryable)

    def _mark_broken(self, status: DeliveryStatus) -> None:
        self._status = status
        self._on_broken()
