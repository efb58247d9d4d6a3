"""Streams for the canvas: of a new draft run, or of one after a lost connection."""

from functools import partial
from typing import Final

from starlette.responses import Response

from gateway.access.domain.credentials import Caller
from gateway.runs.application.executions import Executions
from gateway.runs.application.following import RunFollower
from gateway.runs.application.stream_access import StreamAccess
from gateway.runs.domain.execute_request import ExecuteRequest
from gateway.runs.ports.followed_runs import FollowedRun
from gateway.streams.canvas_frames import CanvasWriter
from gateway.streams.durable_stream import RunEventStream
from shared.clock import Clock
from shared.contracts.deployments import Endpoint
from shared.errors import NotFound

EXPIRED: Final = "Run buffer not found or expired"


class CanvasStreams:
    """Factory of canvas streams. The run continues after a disconnect; the reader may reconnect or cancel."""

    def __init__(
        self,
        executions: Executions,
        following: RunFollower,
        clock: Clock,
        access: StreamAccess,
        *,
        write_seconds: float,
    ) -> None:
        self._executions = executions
        self._following = following
        self._access = access
        self._clock = clock
        self._write_seconds = write_seconds

    async def begin(self, caller: Caller, endpoint: Endpoint, asked: ExecuteRequest) -> Response:
        """Start a run and stream it. Raises what Executions.follow raises."""
        run = await self._executions.follow(caller, endpoint, asked)
        return self._stream(run, caller, endpoint.workspace_id, endpoint.workflow_id, after=0)

    async def open(self, caller: Caller, workflow_id: str, run_id: str, *, after: int) -> Response:
        """Stream what follows the event `after`. Raises NotFound, Forbidden, Unavailable."""
        try:
            run = await self._following.open(caller, workflow_id, run_id)
        except NotFound:
            raise NotFound(EXPIRED) from None
        return self._stream(run, caller, caller.workspace.id, workflow_id, after=after)

    def _stream(self, run: FollowedRun, caller: Caller, workspace_id: str, workflow_id: str, *, after: int) -> Response:
        return RunEventStream(
            run,
            CanvasWriter(run.run_id, workflow_id, self._clock, after=after),
            partial(self._following.end_of, workspace_id, run.run_id),
            standing=self._access.of(caller, workflow_id),
            headers={"x-execution-id": run.run_id},
            write_seconds=self._write_seconds,
        )
