"""`GET /api/v2/workflows/{id}/runs/{runId}/events`: events of a run, resumable at any time."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from starlette.responses import Response

from gateway.access.domain.credentials import Caller
from gateway.streams.durable_answers import RunEventStreams
from gateway.streams.durable_stream import MAX_HEARTBEAT_SECONDS, last_event_id
from gateway.wire.v2.access import V2Access
from gateway.wire.v2.errors import v2_router
from shared.errors import NotFound


def events_router(access: V2Access, streams: RunEventStreams) -> APIRouter:
    """A run's events."""
    router = v2_router(400, 401, 403, 404, 429, 503)

    @router.get(
        "/api/v2/workflows/{workflow_id}/runs/{run_id}/events",
        summary="Read a run's events, from the beginning or from where a reader was",
        response_class=Response,
        responses={200: {"description": "The events.", "content": {"text/event-stream": {}}}},
    )
    async def read(
        caller: Annotated[Caller, Depends(access.to_workflow)],
        workflow_id: str,
        run_id: str,
        last_seen: Annotated[str | None, Header(alias="Last-Event-ID", max_length=40)] = None,
        heartbeat: Annotated[int | None, Query(ge=1, le=MAX_HEARTBEAT_SECONDS)] = None,
    ) -> Response:
        after = last_event_id(last_seen)
        try:
            return await streams.open(caller, workflow_id, run_id, after=after, heartbeat_seconds=heartbeat)
        except NotFound:
            raise NotFound("Run not found") from None

    return router
