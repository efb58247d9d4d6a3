"""Sends recordings of ended runs to jobs-service in batches, without delaying runs."""

import asyncio
import time
from collections import deque
from functools import partial
from typing import Final

from prometheus_client import Counter

from executor_service.application.retries import retry_unavailable
from executor_service.engine.recorder import RunRecording
from executor_service.engine.secrets import EnvironmentNames
from shared.clients.jobs.recordings import HttpRecordingClient
from shared.contracts.recordings import MAX_BATCH_RECORDINGS, PackedRecording, RecordingPack
from shared.errors import FlowportError
from shared.observe.logging import get_logger
from shared.recording_packs import pack_recordings
from shared.security.current_ticket import current_ticket

BACKLOG: Final = 8_192
BACKLOG_BYTES: Final = 64 * 1024 * 1024
BATCH_BYTES: Final = 4 * 1024 * 1024
"""Bytes of recorded blocks in a batch, unless it has a single recording."""
GATHER_SECONDS: Final = 1.0
"""How long a recording waits for others: a batch costs the store little more than a single recording."""
ENCODED_AT_ONCE: Final = 128
"""Recordings that the encoding thread encodes before it lets runs have the interpreter."""
RETRY_SECONDS: Final = 5.0
STOP_SECONDS: Final = 2.0

RECORDINGS: Final = Counter(
    "flowport_executor_recordings_total",
    "Recordings of runs: stored, or dropped because the queue was full or the store refused them.",
    ["result"],
)
for _result in ("stored", "dropped"):
    RECORDINGS.labels(_result)  # start at 0: Prometheus sees no increase in a series that begins at 1
log = get_logger("recording_outbox")


_Queued = tuple[RunRecording, str]
"""A recording and the ticket of its run."""


class RecordingOutbox:
    """Accepts recordings without waiting; masks, encodes and sends them in the background."""

    def __init__(self, jobs: HttpRecordingClient) -> None:
        self._jobs = jobs
        self._backlog: deque[_Queued] = deque()
        self._bytes = 0
        self._in_progress = 0
        self._added = asyncio.Event()
        self._hurry = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._sender: asyncio.Task[None] | None = None

    def put(self, recording: RunRecording) -> None:
        """Add a recording; drop and count it if the backlog is full."""
        if len(self._backlog) >= BACKLOG or self._bytes + recording.size > BACKLOG_BYTES:
            RECORDINGS.labels("dropped").inc()
            return
        self._backlog.append((recording, current_ticket()))
        self._bytes += recording.size
        if not self._added.is_set():
            self._empty.clear()
            self._added.set()
        if len(self._backlog) >= MAX_BATCH_RECORDINGS or self._bytes >= BATCH_BYTES:
            self._hurry.set()

    async def start(self) -> None:
        """Start sending."""
        self._sender = asyncio.create_task(self._send_forever(), name="recording-outbox")

    async def stop(self) -> None:
        """Send waiting recordings, as far as time allows, and stop."""
        if self._sender is None:
            return
        self._hurry.set()
        try:
            await asyncio.wait_for(self._empty.wait(), STOP_SECONDS)
        except TimeoutError:
            unsent = len(self._backlog) + self._in_progress
            RECORDINGS.labels("dropped").inc(unsent)
            log.warning("recordings_unsent", count=unsent)
        self._sender.cancel()
        await asyncio.gather(self._sender, return_exceptions=True)

    async def _send_forever(self) -> None:
        while True:
            if not self._backlog:
                self._empty.set()
                self._added.clear()
                await self._added.wait()
            await self._gather()
            batch, size = self._take_batch()
            self._in_progress = refused = count = len(batch)
            try:
                refused = await self._send(batch)
            except FlowportError as error:
                log.warning("recordings_dropped", count=count, error=error.message)
            except Exception:  # nothing would restart the sender
                log.exception("recordings_dropped", count=count)
            RECORDINGS.labels("dropped").inc(refused)
            RECORDINGS.labels("stored").inc(count - refused)
            self._in_progress = 0
            self._bytes -= size

    async def _gather(self) -> None:
        """Wait until a batch is full, or for a short time."""
        try:
            async with asyncio.timeout(GATHER_SECONDS):
                await self._hurry.wait()
        except TimeoutError:
            return

    def _take_batch(self) -> tuple[deque[_Queued], int]:
        """Remove the next batch from the backlog; return it and its bytes."""
        batch: deque[_Queued] = deque()
        size = 0
        while self._backlog and len(batch) < MAX_BATCH_RECORDINGS:
            added = self._backlog[0][0].size
            if batch and size + added > BATCH_BYTES:
                break
            batch.append(self._backlog.popleft())
            size += added
        if len(self._backlog) < MAX_BATCH_RECORDINGS:
            self._hurry.clear()
        return batch, size

    async def _send(self, batch: deque[_Queued]) -> int:
        """Send recordings, and empty the batch; return how many were refused. Raises FlowportError."""
        packs = await asyncio.to_thread(_pack, batch)
        answer = await retry_unavailable(partial(self._jobs.store, packs), seconds=RETRY_SECONDS)
        for refused in answer.refused[:1]:
            log.warning("recordings_refused", count=len(answer.refused), run_id=refused.run_id, error=refused.reason)
        return len(answer.refused)


def _pack(batch: deque[_Queued]) -> tuple[RecordingPack, ...]:
    """Mask, encode and pack the recordings of a batch. Each is freed while it is in the processor's cache."""
    known: dict[frozenset[tuple[str, str]], EnvironmentNames] = {}  # runs of a workflow have the same values
    encoded = []
    while batch:
        recording, ticket = batch.popleft()
        names = recording.names
        summary, content = recording.encode(known.setdefault(names.key, names))
        packed = PackedRecording(summary, len(content), ticket)
        encoded.append((recording.spec.snapshot.workspace_id, recording.record, packed, content))
        if not len(batch) % ENCODED_AT_ONCE:
            time.sleep(0)
    return tuple(pack_recordings(encoded))
