"""Answers of attached runs: one result, or a stream. Each API generation formats them."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gateway import metrics
from gateway.runs.application.executions import Executions
from gateway.runs.application.stream_access import Standing
from gateway.runs.domain.execute_request import AGENT_EVENTS, ExecuteRequest
from gateway.runs.ports.attached_runs import AttachedRun
from gateway.streams.attached_stream import EventStream, Writer
from gateway.streams.disconnects import hanging_up
from gateway.streams.frames import FrameWriter
from shared.contracts.deployments import Endpoint
from shared.contracts.outcomes import RunOutcome
from shared.contracts.runs import RunMode
from shared.errors import FlowportError

PROTOCOL_HEADER: Final = "x-sim-stream-protocol"


class AttachedAnswers:
    """Factory of answers that live as long as the caller's connection."""

    def __init__(self, executions: Executions, *, write_seconds: float) -> None:
        self._executions = executions
        self._write_seconds = write_seconds

    async def result(
        self, request: Request, run: AttachedRun, workspace_id: str, standing: Standing
    ) -> tuple[RunOutcome, bytes]:
        """Return the run's outcome, and its output as JSON. Raises what AttachedRun raises, NotFound, Unavailable."""
        with hanging_up(request.scope, request.receive, run, standing):
            try:
                outcome = await run.outcome()
            except FlowportError as error:
                metrics.RUNS.labels(RunMode.SYNC, error.code.lower()).inc()
                raise
        metrics.RUNS.labels(RunMode.SYNC, outcome.status).inc()
        return outcome, await self._executions.output_of(workspace_id, outcome)

    def stream(
        self,
        run: AttachedRun,
        asked: ExecuteRequest,
        endpoint: Endpoint,
        standing: Standing,
        *,
        headers: Mapping[str, str],
    ) -> Response:
        """Stream the run's frames."""
        agreed = {PROTOCOL_HEADER: AGENT_EVENTS} if asked.agent_events else {}
        writer = FrameWriter(selects=bool(asked.selected_outputs), agent_events=asked.agent_events)
        return self.written(run, writer, endpoint, standing, headers={**headers, **agreed})

    def written(
        self, run: AttachedRun, writer: Writer, endpoint: Endpoint, standing: Standing, *, headers: Mapping[str, str]
    ) -> Response:
        """Stream the run's events as `writer` formats them."""

        async def load_output(outcome: RunOutcome) -> bytes:
            return await self._executions.output_of(endpoint.workspace_id, outcome)

        return EventStream(
            run, writer, load_output, standing=standing, headers=headers, write_seconds=self._write_seconds
        )
