"""`POST /api/workflows/{id}/execute`. Clients can observe the order of its checks: keep it."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.credentials import Caller
from gateway.access.plans import RateKind
from gateway.idempotency.calls import IdempotentCalls
from gateway.runs.requests import ExecuteRequest, call_chain, read_execute_request
from gateway.runs.views import http_answer
from gateway.sim.errors import present_execute_error
from gateway.sim.models import Accepted, ExecuteBody, ExecuteFailure, ExecuteResult
from gateway.streams.canvas_frames import CanvasStreams
from gateway.streams.services import EndpointServices
from gateway.web.errors import failure_status
from gateway.web.routes import Refusal, answer, body_of, described, headers_of, plain
from shared.clock import iso
from shared.contracts.deployments import Endpoint
from shared.contracts.jobs import RunAccepted
from shared.contracts.runs import RunMode, RunOutcome, RunStatus
from shared.errors import PayloadTooLarge
from shared.web.struct_bodies import StructResponse

RESPONSE_BLOCK_BYTES: Final = 16 * 1024 * 1024


class _Times(msgspec.Struct, rename="camel"):
    duration: int
    start_time: str
    end_time: str


class _Ended(msgspec.Struct, rename="camel"):
    success: bool
    execution_id: str
    output: msgspec.Raw
    metadata: _Times


class _Failed(msgspec.Struct, rename="camel"):
    success: bool
    output: msgspec.Raw
    error: str
    metadata: _Times


def sync_response(run_id: str, outcome: RunOutcome, output: bytes) -> Response:
    """Return the response to a finished sync call; a Response block defines its own."""
    headers = {"x-execution-id": run_id}
    if outcome.status is RunStatus.FAILED:
        return _failure(outcome, output, headers)
    if outcome.is_response and outcome.status is RunStatus.COMPLETED:
        return _response_block(output, headers)
    succeeded = outcome.status is not RunStatus.CANCELLED
    body: Any = _Ended(succeeded, run_id, msgspec.Raw(output), _times(outcome))
    return StructResponse(body, headers=headers)


def _failure(outcome: RunOutcome, output: bytes, headers: Mapping[str, str]) -> Response:
    text = "Execution failed" if outcome.error is None else outcome.error.text
    body = _Failed(False, msgspec.Raw(output), text, _times(outcome))
    return StructResponse(body, status_code=failure_status(outcome.error), headers=headers)


def _response_block(output: bytes, headers: Mapping[str, str]) -> Response:
    if len(output) > RESPONSE_BLOCK_BYTES:
        body = {"success": False, "error": "Workflow execution response exceeds maximum size"}
        return StructResponse(body, status_code=500, headers=headers)
    answer = http_answer(output)
    return Response(answer.body, status_code=answer.status, headers={**answer.headers, **headers})


def _times(outcome: RunOutcome) -> _Times:
    return _Times(round(outcome.duration_ms), iso(outcome.started_at), iso(outcome.ended_at))


TOO_LARGE: Final = "Workflow execution request body exceeds maximum size"


class ExecuteEndpoint:
    """Endpoint of execute calls: sync, stream and async."""

    def __init__(
        self, services: EndpointServices, canvas: CanvasStreams, *, once: IdempotentCalls, public_url: str
    ) -> None:
        self._services = services
        self._canvas = canvas
        self._once = once
        self._public_url = public_url

    async def execute(self, request: Request) -> Response:
        """Run a workflow's live version."""
        headers = headers_of(request)
        self._services.admit(request, headers)
        workflow_id = request.path_params["workflow_id"]
        chain = call_chain(headers)
        caller = await self._services.known_caller(headers, workflow_id)
        caller = caller or await self._services.public_caller(request, workflow_id)
        self._services.rate_limits.show(request, caller, RateKind.SYNC)
        body = await _body_of(request)
        run_request = read_execute_request(
            headers, body, is_public=caller.is_public, is_session=caller.is_session, call_chain=chain
        )
        await self._services.authentication.confirm(caller)
        caller, endpoint = await self._services.executions.authorize(caller, workflow_id)
        self._services.rate_limits.show(request, caller, RateKind.of(run_request.mode))
        self._services.admit_to(request, endpoint.workspace_id)
        serve = partial(self._serve, caller, endpoint)
        return await self._once.answer(request, run_request, serve, headers=headers, caller=caller, endpoint=endpoint)

    async def _serve(
        self, caller: Caller, endpoint: Endpoint, request: Request, run_request: ExecuteRequest
    ) -> Response:
        if run_request.mode is RunMode.ASYNC:
            return self._accepted(await self._services.executions.enqueue(caller, endpoint, run_request))
        if run_request.keep_events:
            return await self._canvas.begin(caller, endpoint, run_request)
        run = await self._services.executions.attach(caller, endpoint, run_request)
        caller_access = self._services.access.of(caller, endpoint.workflow_id)
        if run_request.mode is RunMode.STREAM:
            headers = {"x-execution-id": run.run_id}
            return self._services.attached.stream(run, run_request, endpoint, caller_access, headers=headers)
        outcome, output = await self._services.attached.result(request, run, endpoint.workspace_id, caller_access)
        return sync_response(run.run_id, outcome, output)

    def _accepted(self, accepted: RunAccepted) -> Response:
        path = f"/api/jobs/{accepted.job_id}"
        body = {
            "success": True,
            "async": True,
            "jobId": accepted.job_id,
            "executionId": accepted.run_id,
            "message": "Workflow execution queued",
            "statusUrl": f"{self._public_url}{path}",
            "taskId": accepted.job_id,
            "status": "queued",
            "createdAt": iso(accepted.created_at),
            "links": {"status": path},
        }
        return StructResponse(body, status_code=202, headers={"x-execution-id": accepted.run_id})


async def _body_of(request: Request) -> bytes:
    """Return the body. Raises PayloadTooLarge with this route's own text."""
    try:
        return await body_of(request)
    except PayloadTooLarge as error:
        raise PayloadTooLarge(TOO_LARGE, details=[{"path": "", "message": error.message}]) from error


_HEADERS: Final = {
    "x-api-key": "Key of the workspace. Not needed where the workflow is public.",
    "X-Execution-Mode": "`async` queues the run.",
    "X-Stream-Response": "`true` is the same as `stream: true` in the body.",
    "X-Execution-Id": "Id of the run, chosen by the caller; used once.",
    "Idempotency-Key": "Calls with the same key run once and get the first answer, for 24 hours.",
    "X-Execution-Timeout-Seconds": "Lowers the time limit of an async run, 1 to 604800.",
    "X-Callback-Url": "URL notified when an async run ends; https, at most 2048 characters.",
    "X-Workflow-Version": "Runs this version instead of the live one.",
    "X-Sim-Via": "Workflows that led to this call; at most 24.",
    "X-Sim-Stream-Protocol": "`agent-events-v1` requests a stream with agent events.",
}
_PARAMETERS: Final[list[dict[str, Any]]] = [
    {"name": "workflow_id", "in": "path", "required": True, "schema": {"type": "string"}},
    *(
        {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in _HEADERS.items()
    ),
]
_REFUSALS: Final = {
    400: "The request is invalid.",
    401: "The API key is missing or invalid.",
    402: "The workspace has reached its spend limit.",
    403: "The key has no access to the workflow, or it is not deployed.",
    404: "The workflow does not exist.",
    409: "The run id or idempotency key was used before, or the call chain of workflows is too deep.",
    413: "The body is larger than 10 MiB.",
    429: "Too many calls.",
    503: "The system is at capacity, or a dependency is unavailable.",
}


def execute_router(endpoint: ExecuteEndpoint) -> APIRouter:
    """The execute route."""
    router = APIRouter(route_class=plain(present_execute_error), tags=["Execute"])
    router.add_api_route(
        "/api/workflows/{workflow_id}/execute",
        endpoint.execute,
        methods=["POST"],
        response_model=ExecuteResult,
        summary="Run a workflow",
        responses={
            200: {"description": "Result of the run, or its stream.", "content": {"text/event-stream": {}}},
            202: answer(Accepted, "The run is queued."),
            **{status: answer(Refusal, text) for status, text in _REFUSALS.items()},
            408: answer(ExecuteFailure, "The run took too long."),
            500: answer(ExecuteFailure, "The run failed."),
        },
        openapi_extra={"parameters": _PARAMETERS, **described(ExecuteBody)},
    )
    return router
