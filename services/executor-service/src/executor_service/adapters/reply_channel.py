"""Sends the events of an attached run to its caller: in order, without gaps."""

from collections.abc import Callable
from functools import partial
from typing import Final

from executor_service.adapters.event_batcher import Coalescing
from executor_service.application.retries import insist
from executor_service.ports import LineOf, Told
from shared.broker.ports import BrokerUnavailable, ReplyOverflow, ReplyStream, ReplyUnroutable
from shared.contracts.events import RunEnded, RunEvent
from shared.contracts.messages import EventBatch
from shared.errors import Unavailable

NOT_TAKEN: Final = (ReplyOverflow, BrokerUnavailable)
UNDELIVERABLE: Final = (ReplyUnroutable, *NOT_TAKEN)
CALLER_GONE: Final = "Whoever asked for the run cannot be reached"
BACK_SECONDS: Final = 30.0
"""How long to wait for a lost broker: perhaps only our connection failed, and the caller still waits."""


def nothing() -> None:
    """Ignore the event."""


def line_of(replies: ReplyStream) -> LineOf:
    """Return a factory of reply lines."""
    return partial(ReplySink, replies)


class ReplySink:
    """Implements CallerLine."""

    def __init__(
        self,
        replies: ReplyStream,
        address: str,
        run_id: str,
        on_broken: Callable[[], None] = nothing,
        *,
        attempt: int = 0,
    ) -> None:
        self._replies = replies
        self._address = address
        self._run_id = run_id
        self._on_broken = on_broken
        self._attempt = attempt
        self._seq = 0
        self._heard = False
        self._told = Told.ALL
        self._out = Coalescing(self._send)

    async def emit(self, event: RunEvent) -> None:
        """Add an event; return when there is room for the next."""
        await self._out.emit(event)

    async def heard(self) -> None:
        """Return once the caller's process knows that the run has started. Raises Unavailable if that is unknown."""
        if not self._heard:
            await self._out.flush()
        if self._told is not Told.ALL:
            raise Unavailable(CALLER_GONE)

    async def close(self) -> Told:
        """Wait for outgoing events; return whether the caller's process received all."""
        await self._out.close()
        return self._told

    async def _send(self, events: tuple[RunEvent, ...]) -> None:
        if self._told is not Told.ALL:
            return
        batch = EventBatch(self._run_id, self._seq, events, attempt=self._attempt)
        self._seq += 1
        try:
            await self._deliver(batch, is_end=isinstance(events[-1], RunEnded))
            self._heard = True
        except ReplyUnroutable:
            self._break(Told.NOBODY)
        except NOT_TAKEN:
            self._break(Told.UNKNOWN)

    async def _deliver(self, batch: EventBatch, *, is_end: bool) -> None:
        """Resend what the broker did not accept; a slow reader gets at least the end."""
        send = partial(self._replies.send, self._address, batch)
        again = NOT_TAKEN if is_end else BrokerUnavailable
        try:
            await send(must_route=is_end or batch.seq == 0)
        except again:  # it may have accepted the batch: the reader drops repetitions
            await insist(partial(send, must_route=True), seconds=BACK_SECONDS, on=again)

    def _break(self, told: Told) -> None:
        self._told = told
        self._on_broken()
