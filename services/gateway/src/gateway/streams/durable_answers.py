"""Streams of new and existing durable runs."""

from functools import partial

from starlette.responses import Response

from gateway.access.domain.credentials import Caller
from gateway.runs.application.executions import Executions
from gateway.runs.application.following import RunFollower
from gateway.runs.application.stream_access import Standing, StreamAccess
from gateway.runs.domain.execute_request import AGENT_EVENTS, ExecuteRequest
from gateway.runs.ports.followed_runs import FollowedRun
from gateway.streams.attached_answers import PROTOCOL_HEADER
from gateway.streams.durable_stream import BEFORE_ALL, RunEventStream
from gateway.streams.frames import FrameWriter
from gateway.streams.numbered_frames import NumberedFrames
from shared.contracts.deployments import Endpoint
from shared.contracts.event_log import EventPosition


class RunEventStreams:
    """Factory of streams. A run is independent of its readers, who may reconnect to any gateway without loss."""

    def __init__(
        self, executions: Executions, following: RunFollower, access: StreamAccess, *, write_seconds: float
    ) -> None:
        self._executions = executions
        self._following = following
        self._access = access
        self._write_seconds = write_seconds

    async def begin(
        self, caller: Caller, endpoint: Endpoint, asked: ExecuteRequest, *, heartbeat_seconds: float | None
    ) -> Response:
        """Start a run and stream it. Raises what Executions.follow raises."""
        run = await self._executions.follow(caller, endpoint, asked)
        writer = FrameWriter(selects=bool(asked.selected_outputs), agent_events=asked.agent_events)
        standing = self._access.of(caller, endpoint.workflow_id)
        return self._stream(run, writer, endpoint.workspace_id, BEFORE_ALL, heartbeat_seconds, standing=standing)

    async def open(
        self, caller: Caller, workflow_id: str, run_id: str, *, after: EventPosition, heartbeat_seconds: float | None
    ) -> Response:
        """Stream an existing run, from after `after`. Raises NotFound, Forbidden, Unavailable."""
        run = await self._following.open(caller, workflow_id, run_id)
        writer = FrameWriter(selects=None, agent_events=True)
        standing = self._access.of(caller, workflow_id)
        return self._stream(run, writer, caller.workspace.id, after, heartbeat_seconds, standing=standing)

    def _stream(
        self,
        run: FollowedRun,
        writer: FrameWriter,
        workspace_id: str,
        after: EventPosition,
        heartbeat_seconds: float | None,
        *,
        standing: Standing,
    ) -> Response:
        agreed = {PROTOCOL_HEADER: AGENT_EVENTS} if writer.agent_events else {}
        return RunEventStream(
            run,
            NumberedFrames(writer, after),
            partial(self._following.end_of, workspace_id, run.run_id),
            standing=standing,
            headers={"x-run-id": run.run_id, **agreed},
            write_seconds=self._write_seconds,
            heartbeat_seconds=heartbeat_seconds,
        )
