"""Sends recordings of ended runs to jobs-service, one at a time, without delaying runs."""

import asyncio
from collections import deque
from typing import Final, NamedTuple

from prometheus_client import Counter

from executor_service.application.retries import retry_unavailable
from executor_service.engine.recorder import RunRecording
from shared.errors import FlowportError
from shared.observe.logging import get_logger
from shared.security.current_ticket import current_ticket, using_ticket
from shared.web.client import InternalClient
from shared.web.paths import path_of

BACKLOG: Final = 256
BACKLOG_BYTES: Final = 64 * 1024 * 1024
GAP_SECONDS: Final = 0.02
"""Pause after each recording: runs come first, and recordings beyond this rate are dropped."""
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


class _Queued(NamedTuple):
    recording: RunRecording
    ticket: str


class RecordingOutbox:
    """Accepts recordings without waiting; masks, encodes and sends them in the background."""

    def __init__(self, jobs: InternalClient) -> None:
        self._jobs = jobs
        self._backlog: deque[_Queued] = deque()
        self._bytes = 0
        self._added = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._sender: asyncio.Task[None] | None = None

    def put(self, recording: RunRecording) -> None:
        """Add a recording; drop and count it if the backlog is full."""
        if len(self._backlog) >= BACKLOG or self._bytes + recording.size > BACKLOG_BYTES:
            RECORDINGS.labels("dropped").inc()
            return
        self._backlog.append(_Queued(recording, current_ticket()))
        self._bytes += recording.size
        self._empty.clear()
        self._added.set()

    async def start(self) -> None:
        """Start sending."""
        self._sender = asyncio.create_task(self._send_forever(), name="recording-outbox")

    async def stop(self) -> None:
        """Send waiting recordings, as far as time allows, and stop."""
        if self._sender is None:
            return
        try:
            await asyncio.wait_for(self._empty.wait(), STOP_SECONDS)
        except TimeoutError:
            RECORDINGS.labels("dropped").inc(len(self._backlog))
            log.warning("recordings_unsent", count=len(self._backlog))
        self._sender.cancel()
        await asyncio.gather(self._sender, return_exceptions=True)

    async def _send_forever(self) -> None:
        while True:
            if not self._backlog:
                self._empty.set()
                self._added.clear()
                await self._added.wait()
            await asyncio.sleep(GAP_SECONDS)
            queued = self._backlog[0]
            try:
                await self._send(queued)
                RECORDINGS.labels("stored").inc()
            except FlowportError as error:
                RECORDINGS.labels("dropped").inc()
                log.warning("recording_dropped", run_id=queued.recording.spec.run_id, error=error.message)
            except Exception:  # nothing would restart the sender
                RECORDINGS.labels("dropped").inc()
                log.exception("recording_dropped", run_id=queued.recording.spec.run_id)
            finally:
                self._backlog.popleft()
                self._bytes -= queued.recording.size

    async def _send(self, queued: _Queued) -> None:
        request = await asyncio.to_thread(queued.recording.request)
        snapshot = queued.recording.spec.snapshot
        path = path_of("recordings", snapshot.workspace_id, queued.recording.spec.run_id)

        async def store() -> None:
            await self._jobs.call("PUT", path, body=request)

        with using_ticket(queued.ticket):
            await retry_unavailable(store, seconds=RETRY_SECONDS)
