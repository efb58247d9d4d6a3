"""`POST /api/v2/workflows/{id}/execute`."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.domain.credentials import Caller
from gateway.access.plans import RateKind
from gateway.run_endpoints.idempotency import IdempotentCalls
from gateway.run_endpoints.services import EndpointServices
from gateway.runs.requests import ExecuteRequest, call_chain
from gateway.streams.durable_stream import RunEventStreams, heartbeat_in
from gateway.v2.errors import NO_STORE, present_execute_error
from gateway.v2.models import ErrorAnswer, ExecuteBody, QueuedRun, RunResult
from gateway.v2.presenters import result
from gateway.v2.requests import read_v2_request
from gateway.web.bodies import Data
from gateway.web.routes import answer, answers, body_of, described, headers_of, plain
from shared.contracts.deployments import Endpoint
from shared.contracts.jobs import RunAccepted
from shared.contracts.runs import RunMode
from shared.errors import Unauthenticated
from shared.web.struct_bodies import StructResponse


class V2ExecuteEndpoint:
    """Endpoint of v2 execute calls: sync, stream and async. It checks address, key and admission in this order."""

    def __init__(
        self, services: EndpointServices, *, streams: RunEventStreams, once: IdempotentCalls, public_url: str
    ) -> None:
        self._services = services
        self._streams = streams
        self._once = once
        self._public_url = public_url

    async def execute(self, request: Request) -> Response:
        """Run a workflow's live version. A failed run is a response with status 200 that contains the error."""
        workflow_id = request.path_params["workflow_id"]
        headers = headers_of(request)
        await self._services.rate_limits.count_address(request)
        caller = await self._caller(request, headers, workflow_id)
        self._services.rate_limits.show(request, caller, RateKind.SYNC, iso_dates=True)
        self._services.admit(request, headers)
        chain = call_chain(headers)
        run_request = read_v2_request(headers, await body_of(request), is_public=caller.is_public, call_chain=chain)
        await self._services.authentication.confirm(caller)
        caller, endpoint = await self._services.executions.authorize(caller, workflow_id)
        self._services.rate_limits.show(request, caller, RateKind.of(run_request.mode), iso_dates=True)
        self._services.admit_to(request, endpoint.workspace_id)
        serve = partial(self._serve, caller, endpoint)
        return await self._once.answer(request, run_request, serve, headers=headers, caller=caller, endpoint=endpoint)

    async def _serve(
        self, caller: Caller, endpoint: Endpoint, request: Request, run_request: ExecuteRequest
    ) -> Response:
        if run_request.mode is RunMode.ASYNC:
            return self._queued(
                endpoint.workflow_id, await self._services.executions.enqueue(caller, endpoint, run_request)
            )
        if run_request.mode is RunMode.STREAM:
            heartbeat = heartbeat_in(request.query_params.get("heartbeat"))
            return await self._streams.begin(caller, endpoint, run_request, heartbeat_seconds=heartbeat)
        run = await self._services.executions.attach(caller, endpoint, run_request)
        caller_access = self._services.access.of(caller, endpoint.workflow_id)
        outcome, output = await self._services.attached.result(request, run, endpoint.workspace_id, caller_access)
        body = {"data": result(run.run_id, endpoint.workflow_id, outcome, output)}
        return StructResponse(body, headers={**NO_STORE, "x-run-id": run.run_id})

    async def _caller(self, request: Request, headers: Mapping[str, str], workflow_id: str) -> Caller:
        caller = await self._services.known_caller(headers, workflow_id)
        if caller is not None:
            return caller
        try:
            return await self._services.public_caller(request, workflow_id)
        except Unauthenticated:
            raise Unauthenticated("API key required") from None

    def _queued(self, workflow_id: str, accepted: RunAccepted) -> Response:
        url = f"{self._public_url}/api/v2/workflows/{workflow_id}/runs/{accepted.run_id}"
        body = {"data": {"runId": accepted.run_id, "statusUrl": url}}
        return StructResponse(body, status_code=202, headers={**NO_STORE, "x-run-id": accepted.run_id})


_PARAMETERS: Final[list[dict[str, Any]]] = [
    {"name": "workflow_id", "in": "path", "required": True, "schema": {"type": "string"}},
    *(
        {"name": name, "in": "header", "required": False, "schema": {"type": "string"}}
        for name in (
            "x-api-key",
            "X-Run-Id",
            "Idempotency-Key",
            "X-Sim-Via",
            "X-Sim-Stream-Protocol",
            "X-Callback-Url",
            "X-Workflow-Version",
        )
    ),
]


def execute_router(endpoint: V2ExecuteEndpoint) -> APIRouter:
    """The execute route."""
    router = APIRouter(route_class=plain(present_execute_error), tags=["v2"])
    router.add_api_route(
        "/api/v2/workflows/{workflow_id}/execute",
        endpoint.execute,
        methods=["POST"],
        response_model=Data[RunResult],
        summary="Run a workflow",
        responses={
            200: {"description": "Result of the run, or its stream.", "content": {"text/event-stream": {}}},
            202: answer(Data[QueuedRun], "The run is queued."),
            **answers(ErrorAnswer, 400, 401, 402, 403, 404, 409, 413, 429, 503),
        },
        openapi_extra={"parameters": _PARAMETERS, **described(ExecuteBody)},
    )
    return router
