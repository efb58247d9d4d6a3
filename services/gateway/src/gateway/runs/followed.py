"""Durable runs as a reader follows them."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from gateway import metrics
from gateway.runs.errors import CallerDisconnected, ServerStopping, StreamBroken
from shared.broker.ports import Broker, BrokerUnavailable, ReplyInbox
from shared.clients.jobs.runs import HttpJobsClient
from shared.contracts.event_pages import EventLogPage, EventPosition
from shared.contracts.events import RunEnded, RunEvent, size_of
from shared.contracts.messages import EventBatch, FollowRun
from shared.contracts.runs import RunSpec, RunStatus
from shared.errors import FlowportError, Unavailable
from shared.ids import public_run_id, run_key
from shared.observe.logging import get_logger
from shared.tasks import run_periodically
from shared.tracebacks import without_traceback

log = get_logger("followed_runs")


FOLLOW_EVERY_SECONDS: Final = 10.0
"""Workers drop a follower that is silent for three times as long."""


MAX_READERS: Final = 10_000


Numbered = tuple[EventPosition, RunEvent]


class RunReader:
    """A reader's view of a durable run. `release` frees the slot of its stream."""

    def __init__(
        self,
        key: str,
        workspace_id: str,
        *,
        after: EventPosition,
        events: HttpJobsClient,
        leave: Callable[["RunReader"], None],
    ) -> None:
        self.key = key
        self.run_id = public_run_id(key)
        self._workspace_id = workspace_id
        self._position = after
        self._events = events
        self._leave = leave
        self._buffered: deque[EventBatch] = deque()
        self._size = 0
        self._must_read_log = False
        self._poll_seconds = POLL_SECONDS
        self._ended = False
        self._failure: FlowportError | None = None
        self._changed = asyncio.Event()
        self._gaps = 0
        self._silences = 0
        self._unavailable_since: float | None = None
        self.release: Callable[[], None] = lambda: None

    def feed(self, batch: EventBatch) -> None:
        """Buffer a pushed batch; never blocks."""
        self._buffered.append(batch)
        self._size += _size(batch)
        if self._size > BUFFER_BYTES:
            self._drop_buffered()
            self._must_read_log = True
        self._changed.set()

    def read_log(self) -> None:
        """Read the log next: events may have been missed."""
        self._must_read_log = True
        self._poll_seconds = JOIN_SECONDS
        self._changed.set()

    def fail(self, failure: FlowportError) -> None:
        """End the stream with `failure`, which the reader raises."""
        self._failure = self._failure or failure
        self._leave(self)
        self._changed.set()

    def end_with(self, error: FlowportError) -> None:
        """Make `take` raise `error` to a reader that lost access. The run continues."""
        self.fail(error)

    def disconnect(self) -> None:
        """End the stream because the reader disconnected or saw the end. The run continues."""
        self.release()
        self.fail(CallerDisconnected())

    async def take(self) -> Sequence[Numbered]:
        """Wait for at least one event, and return those since the last call; none once the run is over, or paused.

        Raises StreamBroken, CallerDisconnected, NotFound, Unavailable.
        """
        while True:
            if self._failure is not None:
                raise without_traceback(self._failure)  # its traceback would keep the reader's request alive
            ready = self._contiguous()
            if ready:
                return ready
            if await self._is_fully_read():
                return ()

    async def _is_fully_read(self) -> bool:
        """Wait for events or read the log; return whether the run is over and fully read."""
        if not self._must_read_log and not self._ended:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), self._poll_seconds)
            if self._changed.is_set():
                self._changed.clear()
                return False
            self._poll_seconds = min(2 * self._poll_seconds, POLL_SECONDS)
        self._must_read_log = False
        page = await self._page()
        if page is None:
            return False
        if not page.batches:
            return await self._is_finished(page)
        next_batches = self._next_batches(page.batches)
        if next_batches:
            self._buffered.extendleft(reversed(next_batches))
            self._must_read_log = self._must_read_log or page.has_more or len(page.batches) > 1
        else:
            await self._await_log()
        return False

    async def _page(self) -> EventLogPage | None:
        """Return the log after the current position; None while the log is unavailable. Raises Unavailable."""
        clock = asyncio.get_running_loop().time
        try:
            page = await self._events.events(self._workspace_id, self.run_id, self._position)
        except Unavailable:
            self._unavailable_since = clock() if self._unavailable_since is None else self._unavailable_since
            if clock() - self._unavailable_since > MAX_UNAVAILABLE_SECONDS:
                raise
            self._must_read_log = True
            await asyncio.sleep(GAP_SECONDS)
            return None
        self._unavailable_since = None
        return page

    async def _is_finished(self, page: EventLogPage) -> bool:
        if self._buffered:
            await self._await_log()
            return False
        if page.status not in _FINISHED_OR_PAUSED:
            self._ended = False
            return False
        self._silences += 1
        if self._ended or self._silences > MAX_SILENCES:
            return True
        self._must_read_log = True
        await asyncio.sleep(GAP_SECONDS)
        return False

    async def _await_log(self) -> None:
        """Wait for the log to catch up with events that arrived ahead of it."""
        self._gaps += 1
        if self._gaps > MAX_GAPS:
            metrics.STREAM_GAPS.inc()
            log.warning("run_events_missing", run_id=self.run_id)
            self.fail(StreamBroken("Part of the stream was lost", run_id=self.run_id))
            return
        self._must_read_log = True
        await asyncio.sleep(GAP_SECONDS)

    def _contiguous(self) -> list[Numbered]:
        """Return the buffered events that continue from the current position."""
        ready: list[Numbered] = []
        while self._buffered and self._follows(self._buffered[0]):
            batch = self._buffered.popleft()
            for number, event in enumerate(batch.events, batch.first):
                position = EventPosition(batch.attempt, number)
                if position > self._position:
                    self._position = position
                    self._ended = isinstance(event, RunEnded)
                    if not self._ended:
                        ready.append((position, event))
        if self._buffered:
            self._must_read_log = True
        else:
            self._size = 0
        if ready:
            self._gaps = self._silences = 0
        return ready

    def _next_batches(self, batches: Sequence[EventBatch]) -> Sequence[EventBatch]:
        """Return the batches from the first one that continues from the current position; none after a gap.

        The first batch of a later attempt always continues: it voids missing events of earlier attempts.
        """
        first = next((n for n, batch in enumerate(batches) if self._follows(batch)), len(batches))
        return batches[first:]

    def _follows(self, batch: EventBatch) -> bool:
        if batch.attempt > self._position.attempt:
            return batch.first == 0
        return batch.attempt < self._position.attempt or batch.first <= self._position.number + 1

    def _drop_buffered(self) -> None:
        self._buffered.clear()
        self._size = 0


class BrokerFollowedRuns:
    """Delivers events of durable runs to readers on any process."""

    def __init__(self, broker: Broker, events: HttpJobsClient) -> None:
        self._broker = broker
        self._events = events
        self._readers: dict[str, set[RunReader]] = {}
        self._count = 0
        self._inbox: ReplyInbox | None = None
        self._keeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open this process's reply queue. Raises BrokerUnavailable."""
        self._inbox = await self._broker.replies.open_inbox(self._on_batch, self._on_lost)
        self._keeping = asyncio.create_task(
            run_periodically(self._announce_followers, every=FOLLOW_EVERY_SECONDS, name="followed_runs")
        )

    def drain(self, seconds: float) -> None:
        """Shut down: end streams that are still open after `seconds`; readers may reconnect to another process."""
        asyncio.get_running_loop().call_later(seconds, self._end_all_readers)

    async def stop(self) -> None:
        """Close all readers and the reply queue."""
        if self._keeping is not None:
            self._keeping.cancel()
        self._end_all_readers()
        if self._inbox is not None:
            await self._inbox.close()
            self._inbox = None

    @property
    def address(self) -> str | None:
        """Return the address for events to this process's readers; None while the broker is unavailable."""
        try:
            return self._inbox.address if self._inbox else None
        except BrokerUnavailable:
            return None

    def expect(self, run: RunSpec) -> RunReader:
        """Follow a run that is about to be stored with `address` as subscriber. Raises Unavailable."""
        return self._reader(run.snapshot.workspace_id, run.run_id, EventPosition(0, -1))

    async def follow(self, workspace_id: str, run_id: str) -> RunReader:
        """Follow a run from its first event, in any state. Raises Unavailable."""
        reader = self._reader(workspace_id, run_id, EventPosition(0, -1))
        try:
            await self._announce_follower(reader.key)
        except BaseException:
            reader.disconnect()
            raise
        reader.read_log()
        return reader

    def _reader(self, workspace_id: str, run_id: str, after: EventPosition) -> RunReader:
        if self._count >= MAX_READERS:
            raise Unavailable("the maximum number of followed streams is reached", retry_after=10)
        reader = RunReader(
            run_key(workspace_id, run_id), workspace_id, after=after, events=self._events, leave=self._leave
        )
        self._readers.setdefault(reader.key, set()).add(reader)
        self._count += 1
        return reader

    def _end_all_readers(self) -> None:
        for readers in list(self._readers.values()):
            for reader in list(readers):
                reader.fail(ServerStopping())

    def _leave(self, reader: RunReader) -> None:
        readers = self._readers.get(reader.key)
        if readers is not None and reader in readers:
            readers.discard(reader)
            self._count -= 1
            if not readers:
                del self._readers[reader.key]

    def _on_batch(self, batch: EventBatch) -> None:
        for reader in self._readers.get(batch.run_id, ()):
            reader.feed(batch)

    def _on_lost(self) -> None:
        """Make readers read the log, which gets every event that was in transit."""
        for readers in self._readers.values():
            for reader in readers:
                reader.read_log()

    async def _announce_followers(self) -> None:
        for key in list(self._readers):
            await self._announce_follower(key)

    async def _announce_follower(self, key: str) -> None:
        address = self.address
        if address is None:
            return
        try:
            await self._broker.control.broadcast(FollowRun(key, address))
        except BrokerUnavailable as error:
            log.warning("follower_broadcast_failed", run_id=key, error=error.message)


POLL_SECONDS: Final = 2.0
"""Seconds without events before the reader polls the log: the run may have started elsewhere, or died."""


JOIN_SECONDS: Final = 0.25
"""First poll interval after joining, while earlier events are on their way to the log. Doubles at every silence."""


GAP_SECONDS: Final = 0.2
"""Seconds before the log is read again after a gap."""


MAX_GAPS: Final = 30


MAX_UNAVAILABLE_SECONDS: Final = 30.0
"""Seconds the event log may be unavailable: a store election takes less, and the run continues."""


MAX_SILENCES: Final = 3


BUFFER_BYTES: Final = 1024 * 1024
"""Pushed events beyond this size are dropped and read from the log, at the reader's pace."""


_FINISHED_OR_PAUSED: Final = (RunStatus.PAUSED, RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED)


def _size(batch: EventBatch) -> int:
    return 256 + sum(map(size_of, batch.events))
