"""Answers of attached runs: one result, or server-sent events. Each API generation formats them."""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway import metrics
from gateway.runs.attached import AttachedCall
from gateway.runs.errors import CallerDisconnected, NotStarted, ReaderTooSlow
from gateway.runs.executions import Executions
from gateway.runs.requests import AGENT_EVENTS, ExecuteRequest
from gateway.runs.stream_access import CallerAccess, disconnecting, never
from gateway.streams.sse_frames import FrameWriter, RecordedStream
from gateway.web.errors import message_of
from shared.contracts.deployments import Endpoint
from shared.contracts.events import RunEnded, RunEvent
from shared.contracts.runs import RunMode, RunOutcome
from shared.errors import FlowportError

LoadOutput = Callable[[RunOutcome], Awaitable[bytes]]


class Writer(Protocol):
    """Formatter of events for one kind of stream."""

    @property
    def has_text(self) -> bool:
        """Return whether any text has been written."""

    def write(self, events: Iterable[RunEvent]) -> bytes:
        """Return the frames of `events`."""

    def final(self, outcome: RunOutcome, output: bytes) -> bytes:
        """Return the last frames after the run's end."""

    def broken(self, message: str) -> bytes:
        """Return the last frames after a failure to follow the run."""


class EventStream(RecordedStream):
    """Event stream of `run`. Headers are sent immediately; a reader that blocks for `write_seconds` is disconnected."""

    def __init__(
        self,
        run: AttachedCall,
        writer: Writer,
        load_output: LoadOutput,
        *,
        caller_access: CallerAccess,
        headers: Mapping[str, str],
        write_seconds: float,
    ) -> None:
        super().__init__(headers=headers, write_seconds=write_seconds)
        self._run = run
        self._caller_access = caller_access
        self._writer = writer
        self._load_output = load_output
        self._began = time.perf_counter()
        self._has_sent_text = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all events, until the caller disconnects."""
        with disconnecting(scope, never if self._recorder else receive, self._run, self._caller_access):
            try:
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                outcome = await self._send_frames(send)
            except (CallerDisconnected, ReaderTooSlow) as gone:
                outcome = gone.code.lower()
            except TimeoutError:
                outcome = ReaderTooSlow.code.lower()
            finally:
                self._report_unrecorded()
        metrics.RUNS.labels(RunMode.STREAM, outcome).inc()

    async def _send_frames(self, send: Send) -> str:
        try:
            while True:
                events = await self._run.take()
                last = events[-1]
                if isinstance(last, RunEnded):
                    output = await self._load_output(last.outcome)
                    frames, end = self._writer.write(events[:-1]), self._writer.final(last.outcome, output)
                    await self._record_end(end)
                    await self._send(send, frames + end, more=False)
                    return str(last.outcome.status)
                await self._send(send, self._writer.write(events))
        except (CallerDisconnected, ReaderTooSlow):
            raise
        except FlowportError as error:
            end = self._writer.broken(message_of(error))
            await self._record_end(end, began=not isinstance(error, NotStarted))
            await self._send(send, end, more=False)
            return error.code.lower()

    async def _send(self, send: Send, frames: bytes, *, more: bool = True) -> None:
        await super()._send(send, frames, more=more)
        if self._writer.has_text and not self._has_sent_text:
            self._has_sent_text = True
            metrics.FIRST_TOKEN.observe(time.perf_counter() - self._began)


PROTOCOL_HEADER: Final = "x-sim-stream-protocol"


class AttachedAnswers:
    """Factory of answers that live as long as the caller's connection."""

    def __init__(self, executions: Executions, *, write_seconds: float) -> None:
        self._executions = executions
        self._write_seconds = write_seconds

    async def result(
        self, request: Request, run: AttachedCall, workspace_id: str, caller_access: CallerAccess
    ) -> tuple[RunOutcome, bytes]:
        """Return the run's outcome, and its output as JSON. Raises what AttachedCall raises, NotFound, Unavailable."""
        with disconnecting(request.scope, request.receive, run, caller_access):
            try:
                outcome = await run.outcome()
            except FlowportError as error:
                metrics.RUNS.labels(RunMode.SYNC, error.code.lower()).inc()
                raise
        metrics.ended_runs(RunMode.SYNC, outcome.status).inc()
        return outcome, await self._executions.output_of(workspace_id, outcome)

    def stream(
        self,
        run: AttachedCall,
        request: ExecuteRequest,
        endpoint: Endpoint,
        caller_access: CallerAccess,
        *,
        headers: Mapping[str, str],
    ) -> Response:
        """Stream the run's frames."""
        agreed = {PROTOCOL_HEADER: AGENT_EVENTS} if request.agent_events else {}
        writer = FrameWriter(selects=bool(request.selected_outputs), agent_events=request.agent_events)
        return self.stream_with(run, writer, endpoint, caller_access, headers={**headers, **agreed})

    def stream_with(
        self,
        run: AttachedCall,
        writer: Writer,
        endpoint: Endpoint,
        caller_access: CallerAccess,
        *,
        headers: Mapping[str, str],
    ) -> Response:
        """Stream the run's events as `writer` formats them."""

        async def load_output(outcome: RunOutcome) -> bytes:
            return await self._executions.output_of(endpoint.workspace_id, outcome)

        return EventStream(
            run, writer, load_output, caller_access=caller_access, headers=headers, write_seconds=self._write_seconds
        )
