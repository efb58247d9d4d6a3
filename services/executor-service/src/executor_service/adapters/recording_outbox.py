"""Sends recordings of ended runs to jobs-service in batches, without delaying runs."""

import asyncio
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec
from prometheus_client import Counter

from executor_service.application.retries import retry_unavailable
from executor_service.engine.recorder import RunRecording
from executor_service.engine.secrets import EnvironmentNames
from shared.contracts.recordings import (
    MAX_BATCH_RECORDINGS,
    BatchedRecording,
    StoredRecordings,
    StoreRecording,
    StoreRecordings,
)
from shared.errors import FlowportError, RouteMissing
from shared.observe.logging import get_logger
from shared.security.current_ticket import current_ticket, using_ticket
from shared.web.client import InternalClient
from shared.web.paths import path_of

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
SINGLE_SECONDS: Final = 60.0
"""How long to send single recordings to a jobs-service of an earlier version."""

RECORDINGS: Final = Counter(
    "flowport_executor_recordings_total",
    "Recordings of runs: stored, or dropped because the queue was full or the store refused them.",
    ["result"],
)
for _result in ("stored", "dropped"):
    RECORDINGS.labels(_result)  # start at 0: Prometheus sees no increase in a series that begins at 1
_encode: Final = msgspec.json.Encoder().encode
log = get_logger("recording_outbox")


class _Queued(NamedTuple):
    recording: RunRecording
    ticket: str


class RecordingOutbox:
    """Accepts recordings without waiting; masks, encodes and sends them in the background."""

    def __init__(self, jobs: InternalClient) -> None:
        self._jobs = jobs
        self._backlog: deque[_Queued] = deque()
        self._bytes = 0
        self._in_progress = 0
        self._added = asyncio.Event()
        self._hurry = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._sender: asyncio.Task[None] | None = None
        self._batches_from = 0.0

    def put(self, recording: RunRecording) -> None:
        """Add a recording; drop and count it if the backlog is full."""
        if len(self._backlog) >= BACKLOG or self._bytes + recording.size > BACKLOG_BYTES:
            RECORDINGS.labels("dropped").inc()
            return
        self._backlog.append(_Queued(recording, current_ticket()))
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
            batch = tuple(self._take_batch())
            self._in_progress = len(batch)
            refused = len(batch)
            try:
                refused = await self._send(batch)
            except FlowportError as error:
                log.warning("recordings_dropped", count=len(batch), error=error.message)
            except Exception:  # nothing would restart the sender
                log.exception("recordings_dropped", count=len(batch))
            RECORDINGS.labels("dropped").inc(refused)
            RECORDINGS.labels("stored").inc(len(batch) - refused)
            self._in_progress = 0
            self._bytes -= sum(each.recording.size for each in batch)

    async def _gather(self) -> None:
        """Wait until a batch is full, or for a short time."""
        try:
            async with asyncio.timeout(GATHER_SECONDS):
                await self._hurry.wait()
        except TimeoutError:
            return

    def _take_batch(self) -> Iterator[_Queued]:
        room = BATCH_BYTES
        for number in range(MAX_BATCH_RECORDINGS):
            if not self._backlog or (number and self._backlog[0].recording.size > room):
                break
            room -= self._backlog[0].recording.size
            yield self._backlog.popleft()
        if len(self._backlog) < MAX_BATCH_RECORDINGS:
            self._hurry.clear()

    async def _send(self, batch: Sequence[_Queued]) -> int:
        """Send recordings; return how many were refused. Raises FlowportError."""
        requests, body = await asyncio.to_thread(_encode_batch, batch)
        if asyncio.get_running_loop().time() >= self._batches_from:
            try:
                return await self._send_batch(body)
            except RouteMissing:
                log.info("recording_batches_unsupported", retry_seconds=SINGLE_SECONDS)
                self._batches_from = asyncio.get_running_loop().time() + SINGLE_SECONDS
        return sum([await self._send_single(each) for each in requests])

    async def _send_batch(self, body: bytes) -> int:
        """Send the JSON of a StoreRecordings."""

        async def store() -> StoredRecordings | RouteMissing:
            try:
                return await self._jobs.call("POST", path_of("recordings"), body=body, returns=StoredRecordings)
            except RouteMissing as error:  # not worth repeating
                return error

        answer = await retry_unavailable(store, seconds=RETRY_SECONDS)
        if isinstance(answer, RouteMissing):
            raise answer
        for refused in answer.refused[:1]:
            log.warning("recordings_refused", count=len(answer.refused), run_id=refused.run_id, error=refused.reason)
        return len(answer.refused)

    async def _send_single(self, request: BatchedRecording) -> bool:
        """Send a recording to a jobs-service of an earlier version; return whether it was refused."""
        run_id = request.summary.run_id
        path = path_of("recordings", request.workspace_id, run_id)
        body = StoreRecording(summary=request.summary, record=request.record, content=request.content)

        async def store() -> None:
            await self._jobs.call("PUT", path, body=body)

        try:
            with using_ticket(request.ticket):
                await retry_unavailable(store, seconds=RETRY_SECONDS)
        except FlowportError as error:
            log.warning("recording_dropped", run_id=run_id, error=error.message)
            return True
        return False


def _encode_batch(batch: Sequence[_Queued]) -> tuple[list[BatchedRecording], bytes]:
    """Return the requests of a batch, and their JSON."""
    known: dict[frozenset[tuple[str, str]], EnvironmentNames] = {}  # runs of a workflow have the same values
    requests = []
    for start in range(0, len(batch), ENCODED_AT_ONCE):
        for recording, ticket in batch[start : start + ENCODED_AT_ONCE]:
            names = recording.names
            requests.append(recording.request(known.setdefault(names.key, names), ticket=ticket))
        time.sleep(0)
    return requests, _encode(StoreRecordings(tuple(requests)))
