"""`POST /api/v2/workflows/{id}/execute`."""

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
from gateway.parsing import json_body, problems
from gateway.parsing.json_body import MalformedJson
from gateway.runs.requests import (
    AGENT_EVENTS,
    PINNING_NEEDS_KEY,
    ExecuteRequest,
    call_chain,
    callback_url,
    pinned_version,
    refuse_unnegotiated,
)
from gateway.streams.durable_stream import RunEventStreams, heartbeat_in
from gateway.streams.services import EndpointServices
from gateway.v2.models import ErrorAnswer, ExecuteBody, QueuedRun, RunResult
from gateway.v2.routes import NO_STORE, present_execute_error
from gateway.v2.runs import result
from gateway.web.bodies import MALFORMED, Data, validated
from gateway.web.routes import answer, answers, body_of, described, headers_of, plain
from shared.contracts.deployments import Endpoint
from shared.contracts.jobs import RunAccepted
from shared.contracts.runs import RunMode
from shared.errors import InvalidRequest, Unauthenticated
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


_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


_decode: Final = msgspec.json.Decoder().decode


EMPTY: Final = b"{}"


def read_v2_request(
    headers: Mapping[str, str], body: bytes, *, is_public: bool, call_chain: tuple[str, ...] = ()
) -> ExecuteRequest:
    """Parse the request. Raises MalformedJson, InvalidRequest."""
    raw_input, options = json_body.read(json_body.without_bom(body) or EMPTY, _read)
    mode = RunMode.ASYNC if options.is_async else RunMode.STREAM if options.stream else RunMode.SYNC
    _refuse_combinations(options, is_public=is_public)
    agent_events = headers.get("x-sim-stream-protocol") == AGENT_EVENTS
    refuse_unnegotiated(options.include_thinking or options.include_tool_calls, agent_events=agent_events)
    return ExecuteRequest(
        mode=mode,
        input=raw_input,
        run_id=_run_id(headers.get("x-run-id")),
        time_limit_seconds=options.execution_timeout_seconds,
        selected_outputs=tuple(options.selected_outputs),
        include_thinking=options.include_thinking,
        include_tool_calls=options.include_tool_calls,
        include_file_base64=options.include_file_base64,
        base64_max_bytes=options.base64_max_bytes,
        agent_events=agent_events,
        call_chain=call_chain,
        version=_version(headers.get("x-workflow-version"), options.deployment_version, is_public=is_public),
        callback_url=callback_url(headers, mode),
        keep_events=True,
        checks_input=True,
    )


def _read(body: bytes) -> tuple[bytes, ExecuteBody]:
    """Return the input's raw bytes, and the rest of the body as a model."""
    try:
        members = json_body.decode(_members, body)
    except MalformedJson as error:
        error.message = MALFORMED
        raise
    except msgspec.ValidationError:
        return EMPTY, validated(ExecuteBody, _decode(body))
    raw_input = bytes(members.get("input", EMPTY))
    value: dict[str, Any] = {name: _decode(document) for name, document in members.items() if name != "input"}
    if not raw_input.startswith(b"{"):
        value["input"] = _decode(raw_input)
    return raw_input, validated(ExecuteBody, value)


def _refuse_combinations(options: ExecuteBody, *, is_public: bool) -> None:
    if options.is_async and options.stream:
        raise InvalidRequest("async and stream cannot be combined")
    if options.execution_timeout_seconds is not None and not options.is_async:
        raise InvalidRequest("executionTimeoutSeconds is supported only for async execution")
    shaping = options.model_fields_set & {"include_file_base64", "base64_max_bytes"}
    agent = options.include_thinking or options.include_tool_calls
    if options.is_async and (shaping or agent or options.selected_outputs):
        raise InvalidRequest("Async execution does not support streaming or output-shaping options")
    if agent and not options.stream:
        raise InvalidRequest("includeThinking and includeToolCalls require stream: true")
    if options.is_async and is_public:
        raise InvalidRequest("Async execution requires an API key")


def _version(header: str | None, named: int | None, *, is_public: bool) -> int | None:
    pinned = pinned_version(header, is_public=is_public)
    if named is not None and is_public:
        raise InvalidRequest(PINNING_NEEDS_KEY)
    if pinned is not None and named not in (None, pinned):
        raise InvalidRequest("X-Workflow-Version and deploymentVersion name different versions")
    return pinned or named


def _run_id(header: str | None) -> str | None:
    if header is None:
        return None
    found = [
        {"path": ["X-Run-Id"], "message": problem.message.replace("Execution", "Run")}
        for problem in problems.run_id(header, "X-Run-Id")
    ]
    if found:
        raise InvalidRequest("Invalid run ID header", details=found)
    return header
