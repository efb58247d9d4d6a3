"""Durable runs as a reader follows them."""

import asyncio
from typing import Final

from gateway.runs.errors import ServerStopping
from gateway.runs.ports import EventLog
from gateway.runs.reader import RunReader
from shared.broker.ports import Broker, BrokerUnavailable, ReplyInbox
from shared.contracts.event_pages import EventPosition
from shared.contracts.messages import EventBatch, FollowRun
from shared.contracts.runs import RunSpec
from shared.errors import Unavailable
from shared.ids import run_key
from shared.observe.logging import get_logger
from shared.tasks import run_periodically

log = get_logger("followed_runs")

FOLLOW_EVERY_SECONDS: Final = 10.0
"""Workers drop a follower that is silent for three times as long."""
MAX_READERS: Final = 10_000


class BrokerFollowedRuns:
    """Delivers events of durable runs to readers on any process."""

    def __init__(self, broker: Broker, events: EventLog) -> None:
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
