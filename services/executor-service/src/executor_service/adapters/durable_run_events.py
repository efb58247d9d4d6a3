"""Events of an attempt at a durable run: sent to followers immediately, stored in batches."""

import asyncio
from contextlib import suppress
from typing import Final

import msgspec

from executor_service.adapters.event_batcher import EventBatcher
from executor_service.adapters.publish_retries import publish_with_retries
from executor_service.adapters.reply_channel import UNDELIVERABLE
from executor_service.application.null_events import NullRunEvents
from executor_service.ports import RunEvents, RunEventsFactory
from shared.batching import batches
from shared.broker.ports import Broker
from shared.broker.queue_topology import EVENTS
from shared.contracts.events import (
    SELECTION_TOO_LARGE,
    BlockStreamFailed,
    Chunk,
    RunEnded,
    RunEvent,
    RunStarted,
    SelectedOutput,
    SelectedOutputFailed,
    StreamReset,
    Thinking,
    size_of,
)
from shared.contracts.messages import EventBatch
from shared.contracts.payloads import Payload
from shared.contracts.runs import RunOutcome, RunSpec
from shared.observe.logging import get_logger

log = get_logger("durable_run_events")

STORE_SECONDS: Final = 0.25
STORE_EVENTS: Final = 256
STORE_BYTES: Final = 1024 * 1024
"""Size at which pending events are stored immediately."""
UNSTORED_BYTES: Final = 16 * 1024 * 1024
"""Limit for events that wait while the broker is unavailable; beyond it, the log has a gap."""
FOLLOW_SECONDS: Final = 30.0
"""Followers must renew within this time."""
MAX_FOLLOWERS: Final = 16
MAX_TEXT: Final = 8 * 1024 * 1024
"""Limit for text characters sent to readers of one attempt; the result is complete."""
TEXT_CUT: Final = "The text exceeds the limit of a stream"
MAX_VALUE_BYTES: Final = 4 * 1024 * 1024
FIRST_TRIES: Final = 100
"""Twenty seconds at most: readers that reconnect cannot use a log with a gap."""
LATER_TRIES: Final = 5
"""After a gap, the end of the run does not wait long for the remaining events."""


def run_events_factory(broker: Broker) -> RunEventsFactory:
    """Return a factory that stores events only for runs that request it."""

    def create(spec: RunSpec, attempt: int) -> RunEvents:
        return (
            DurableRunEvents(broker, spec.run_id, attempt, stores=spec.stores_data)
            if spec.keep_events
            else NullRunEvents()
        )

    return create


class DurableRunEvents:
    """Numbers and sends events. Neither followers nor storage delay the run or make it fail.

    With `stores`, events are also stored for later readers.
    """

    def __init__(self, broker: Broker, run_id: str, attempt: int, *, stores: bool = True) -> None:
        self._broker = broker
        self._stores = stores
        self._run_id = run_id
        self._attempt = attempt
        self._followers: dict[str, float] = {}
        self._number = 0
        self._seq = 0
        self._text = 0
        self._unstored: list[RunEvent] = []
        self._unstored_size = 0
        self._next_stored = 0
        self._storing: asyncio.Task[None] | None = None
        self._has_gap = False
        self._is_closing = False
        self._due = asyncio.Event()
        """Set when events are to be stored without waiting for further ones."""
        self._batcher = EventBatcher(self._send)

    async def begin(self, listener: str | None) -> None:
        """Announce the attempt's start; later attempts invalidate all earlier events."""
        if listener is not None:
            self.follow(listener)
        await self.emit(RunStarted() if self._attempt == 1 else StreamReset(self._attempt))

    def follow(self, address: str) -> None:
        """Also send events to this address, for a limited time."""
        self._drop_expired_followers()
        if address in self._followers or len(self._followers) < MAX_FOLLOWERS:
            self._followers[address] = asyncio.get_running_loop().time() + FOLLOW_SECONDS

    async def emit(self, event: RunEvent) -> None:
        """Add an event; return when there is room for the next."""
        match event:
            case SelectedOutput(block_id=block_id, value=value) if len(bytes(value)) > MAX_VALUE_BYTES:
                await self._batcher.emit(SelectedOutputFailed(block_id, SELECTION_TOO_LARGE))
            case Chunk(block_id=block_id, text=text) | Thinking(block_id=block_id, text=text):
                await self._emit_text(event, block_id, len(text))
            case _:
                await self._batcher.emit(event)

    async def close(self, outcome: RunOutcome | None = None) -> None:
        """Send everything; finally announce the run's end, without its outcome."""
        if outcome is not None:
            await self._batcher.emit(RunEnded(msgspec.structs.replace(outcome, output=Payload())))
        await self._batcher.close()
        self._is_closing = True
        self._due.set()
        if self._storing is not None:
            await self._storing

    async def _emit_text(self, event: Chunk | Thinking, block_id: str, length: int) -> None:
        is_cut = self._text > MAX_TEXT
        self._text += length
        if self._text <= MAX_TEXT:
            await self._batcher.emit(event)
        elif not is_cut:
            await self._batcher.emit(BlockStreamFailed(block_id, TEXT_CUT))

    async def _send(self, events: tuple[RunEvent, ...]) -> None:
        batch = EventBatch(self._run_id, self._seq, events, attempt=self._attempt, first=self._number)
        self._seq += 1
        self._number += len(events)
        if self._stores:
            self._queue_for_storage(events)
        self._drop_expired_followers()
        for address in list(self._followers):
            try:
                await self._broker.replies.send(address, batch, must_route=True)
            except UNDELIVERABLE:
                self._followers.pop(address, None)

    def _drop_expired_followers(self) -> None:
        if self._followers:
            now = asyncio.get_running_loop().time()
            self._followers = {address: until for address, until in self._followers.items() if until > now}

    def _queue_for_storage(self, events: tuple[RunEvent, ...]) -> None:
        self._unstored.extend(events)
        self._unstored_size += sum(map(size_of, events))
        if self._unstored_size > UNSTORED_BYTES:
            self._report_gap(len(self._take_unstored()[1]))
        elif len(self._unstored) >= STORE_EVENTS or self._unstored_size >= STORE_BYTES:
            self._due.set()
        if self._storing is None:
            self._storing = asyncio.create_task(self._store_all())

    async def _store_all(self) -> None:
        """Store the events, and those that arrive in the meantime."""
        while self._unstored:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), STORE_SECONDS)
            if not self._is_closing:
                self._due.clear()
            first, events = self._take_unstored()
            for batch in batches(events, weigh=size_of, max_weight=STORE_BYTES):
                await self._publish(EventBatch(self._run_id, 0, batch, attempt=self._attempt, first=first))
                first += len(batch)
        self._storing = None

    def _take_unstored(self) -> tuple[int, tuple[RunEvent, ...]]:
        """Return the events to store, with the number of the first."""
        first, events = self._next_stored, tuple(self._unstored)
        self._next_stored += len(events)
        self._unstored, self._unstored_size = [], 0
        return first, events

    async def _publish(self, batch: EventBatch) -> None:
        tries = LATER_TRIES if self._has_gap else FIRST_TRIES
        if not await publish_with_retries(self._broker.work, EVENTS, batch, tries=tries):
            self._report_gap(len(batch.events))

    def _report_gap(self, count: int) -> None:
        self._has_gap = True
        log.warning("run_events_not_stored", run_id=self._run_id, count=count)
