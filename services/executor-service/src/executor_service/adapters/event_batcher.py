"""Outgoing events of one run: in order, tokens coalesced."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from shared.batching import batches
from shared.contracts.events import MAX_CHUNK, Chunk, RunEnded, RunEvent, RunStarted, size_of

FLUSH_SECONDS: Final = 0.015
FLUSH_BYTES: Final = 1024
"""Size at which pending text is sent immediately."""
START_EVENT_SECONDS: Final = 0.2
"""How long the start event of a run waits for further events.

A separate message would reduce the throughput of concurrent calls by a tenth, and would delay the first token until the
broker confirms it.
"""

BATCH_BYTES: Final = 1024 * 1024
"""Maximum size of a batch. Events that accumulate while sending is impossible must fit into messages."""

Send = Callable[[tuple[RunEvent, ...]], Awaitable[None]]


class EventBatcher:
    """Sends the first text immediately, later text after 15 ms or 1 KiB, and the end with `close`, which follows it.

    `send` gets one batch after the other. After a failure, no events are sent, and `flush` raises the error.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._pending: list[RunEvent] = []
        self._pending_size = 0
        self._text_sent = False
        self._has_events = False
        self._timer: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[None] | None = None
        """The last send started: it ends after all earlier ones."""
        self._failure: Exception | None = None
        self._order = asyncio.Lock()

    async def emit(self, event: RunEvent) -> None:
        """Add an event; return when there is room for the next."""
        self._add(event)
        is_text = isinstance(event, Chunk)
        is_event = not isinstance(event, RunStarted)
        is_first_event = is_event and not self._has_events
        self._has_events = self._has_events or is_event
        if self._pending_size >= FLUSH_BYTES:
            await self.flush()
        elif isinstance(event, RunEnded):
            self._stop_timer()  # `close` follows
        elif is_text and not self._text_sent:
            self._start_flush()
        elif self._timer is None or is_first_event:
            self._stop_timer()
            delay = FLUSH_SECONDS if is_event else START_EVENT_SECONDS
            self._timer = asyncio.get_running_loop().call_later(delay, self._start_flush)
        self._text_sent = self._text_sent or is_text

    async def flush(self) -> None:
        """Send waiting events, and wait until all are sent.

        If the caller is canceled, added events are still sent.
        """
        if self._pending:
            self._start_flush()
        if self._sending is not None and not self._sending.done():
            await asyncio.shield(self._sending)
        if self._failure is not None:
            raise self._failure

    async def close(self) -> None:
        """Flush, and drop `send`: it refers to the owner of this object, and the cycle would wait for the collector.

        Waiting events are sent without another task.
        """
        self._stop_timer()
        await self._send_pending()
        if self._failure is not None:
            raise self._failure
        self._send = _discard

    def _add(self, event: RunEvent) -> None:
        self._pending_size += size_of(event)
        last = self._pending[-1] if self._pending else None
        if (
            isinstance(event, Chunk)
            and isinstance(last, Chunk)
            and last.block_id == event.block_id
            and len(last.text) + len(event.text) <= MAX_CHUNK
        ):
            self._pending[-1] = Chunk(event.block_id, last.text + event.text)
        else:
            self._pending.append(event)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start_flush(self) -> None:
        self._stop_timer()
        self._sending = asyncio.get_running_loop().create_task(self._send_pending())

    async def _send_pending(self) -> None:
        """Send waiting events after those being sent."""
        async with self._order:
            events, self._pending, self._pending_size = tuple(self._pending), [], 0
            if not events or self._failure is not None:
                return
            try:
                for batch in batches(events, weigh=size_of, max_weight=BATCH_BYTES):
                    await self._send(batch)
            except Exception as error:  # `flush` raises it
                self._failure = error


async def _discard(events: tuple[RunEvent, ...]) -> None:
    """Drop events after the end."""
