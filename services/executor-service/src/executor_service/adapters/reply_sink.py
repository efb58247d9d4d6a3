"""Sends the events of one attached run to its caller: in order, without a gap, tokens coalesced."""

import asyncio
from collections.abc import Callable
from typing import Final

from shared.broker.ports import BrokerUnavailable, ReplyOverflow, ReplyStream, ReplyUnroutable
from shared.contracts.events import Chunk, RunEnded, RunEvent
from shared.contracts.messages import EventBatch

FLUSH_SECONDS: Final = 0.015
FLUSH_BYTES: Final = 1024
"""Text waits for more text no longer, and no fuller, than this."""

UNDELIVERABLE: Final = (ReplyUnroutable, ReplyOverflow, BrokerUnavailable)


class ReplySink:
    """The first text goes out at once; later text is flushed every 15 ms or 1 KiB, whichever comes first.

    When the caller cannot be reached any more, `on_broken` is called once and further events are dropped.
    """

    def __init__(self, replies: ReplyStream, address: str, run_id: str, on_broken: Callable[[], None]) -> None:
        self._replies = replies
        self._address = address
        self._run_id = run_id
        self._on_broken = on_broken
        self._pending: list[RunEvent] = []
        self._pending_text = 0
        self._seq = 0
        self._spoke = False
        self._broken = False
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._order = asyncio.Lock()

    async def emit(self, event: RunEvent) -> None:
        """Take one event; returns when there is room for the next."""
        if self._broken:
            return
        self._add(event)
        is_text = isinstance(event, Chunk)
        if isinstance(event, RunEnded) or (is_text and not self._spoke) or self._pending_text >= FLUSH_BYTES:
            self._spoke = self._spoke or is_text
            await self._flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush_soon)

    async def close(self) -> None:
        """Let go of the timer and wait for what is on its way."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._flushing is not None:
            await self._flushing

    def _add(self, event: RunEvent) -> None:
        last = self._pending[-1] if self._pending else None
        if isinstance(event, Chunk):
            self._pending_text += len(event.text)
            if isinstance(last, Chunk) and last.block_id == event.block_id:
                self._pending[-1] = Chunk(event.block_id, last.text + event.text)
                return
        self._pending.append(event)

    def _flush_soon(self) -> None:
        self._timer = None
        self._flushing = asyncio.get_running_loop().create_task(self._flush())

    async def _flush(self) -> None:
        async with self._order:
            if not self._pending or self._broken:
                return
            events, self._pending, self._pending_text = tuple(self._pending), [], 0
            batch = EventBatch(self._run_id, self._seq, events)
            must_route = self._seq == 0 or isinstance(events[-1], RunEnded)
            self._seq += 1
            try:
                await self._replies.send(self._address, batch, must_route=must_route)
            except UNDELIVERABLE:
                self._broken = True
                self._on_broken()
