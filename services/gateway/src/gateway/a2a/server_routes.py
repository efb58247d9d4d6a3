"""`/api/a2a/serve/{agentId}`: the Agent2Agent protocol over JSON-RPC and server-sent events, and the agent's card."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway import metrics
from gateway.a2a.json_rpc import (
    PROTOCOL_ERRORS,
    Call,
    CallId,
    MethodNotFound,
    PushNotificationNotSupported,
    UnsupportedOperation,
    VersionNotSupported,
    error_answer,
    params_of,
    read_call,
    result,
)
from gateway.a2a.models import CARD_PATH, PROTOCOL_VERSION, card
from gateway.a2a.service import MISSING, AgentTasks, PublishedAgent, PublishedAgents, rest_of
from gateway.a2a.stream import TaskWriter, resumed, submitted, task_body, workflow_input
from gateway.a2a.wire import SendParams, Task, TaskParams
from gateway.access.credentials import Caller
from gateway.access.plans import RateKind
from gateway.runs.followed import RunReader
from gateway.runs.requests import ExecuteRequest, call_chain
from gateway.runs.stream_access import disconnecting
from gateway.streams.durable_stream import RunEventStream
from gateway.streams.services import EndpointServices
from gateway.web.errors import present_call_error, present_error, retry_headers, status_of
from gateway.web.routes import Refusal, answers, headers_of, plain
from shared.contracts.runs import RunMode, Trigger
from shared.errors import FlowportError, NotFound, Unauthenticated
from shared.ids import new_id
from shared.web.struct_bodies import StructResponse

VERSION_HEADER: Final = "a2a-version"


_PUSH: Final = frozenset(
    f"{verb}TaskPushNotificationConfig{plural}"
    for verb, plural in (("Create", ""), ("Get", ""), ("List", "s"), ("Delete", ""))
)


_NOT_OFFERED: Final = frozenset({"ListTasks", "GetExtendedAgentCard"})


class IncomingRequest(msgspec.Struct, frozen=True):
    """Request with its agent and caller."""

    found: PublishedAgent
    caller: Caller
    request: Request
    call_chain: tuple[str, ...]

    @property
    def workflow_id(self) -> str:
        """Return the agent's workflow id."""
        return self.found.endpoint.workflow_id


Method = Callable[[IncomingRequest, Call], Awaitable[Response]]


class A2aEndpoint:
    """Endpoint of agents. An agent has its workflow's access rules and rate limits.

    The public may send messages; reading tasks needs a key.
    """

    def __init__(
        self,
        services: EndpointServices,
        published: PublishedAgents,
        tasks: AgentTasks,
        *,
        write_seconds: float,
        public_url: str,
    ) -> None:
        self._services = services
        self._published = published
        self._tasks = tasks
        self._write_seconds = write_seconds
        self._public_url = public_url
        self._methods: Mapping[str, Method] = {
            "SendMessage": self._send,
            "SendStreamingMessage": self._send_streaming,
            "GetTask": self._get,
            "CancelTask": self._cancel,
            "SubscribeToTask": self._subscribe,
        }

    async def show_card(self, request: Request) -> Response:
        """Return the agent's card."""
        agent, published = await self._published.live_version(request.path_params["agent_id"])
        return StructResponse(card(agent, published, self._public_url))

    async def serve(self, request: Request) -> Response:
        """Serve one call of the protocol."""
        self._services.admit(request)
        incoming = await self._identify(request)
        self._services.admit_to(request, incoming.found.endpoint.workspace_id)
        call_id: CallId = None
        try:
            call = read_call(await request.body())
            call_id = call.id
            _check_version(request.headers.get(VERSION_HEADER, ""))
            return await self._method(call.method)(incoming, call)
        except FlowportError as error:
            return _refused(call_id, error)

    async def _identify(self, request: Request) -> IncomingRequest:
        headers = headers_of(request)
        found = await self._published.find(request.path_params["agent_id"])
        caller = await self._caller(request, headers, found)
        caller, _ = await self._services.executions.authorize(caller, found.agent.workflow_id)
        self._services.rate_limits.show(request, caller, RateKind.SYNC)
        return IncomingRequest(found, caller, request, call_chain(headers))

    async def _caller(self, request: Request, headers: Mapping[str, str], found: PublishedAgent) -> Caller:
        known = await self._services.authentication.caller(headers)
        if known is None:
            return await self._services.public_caller(request, found.agent.workflow_id)
        if not known.may_enter(found.agent.workspace_id):
            raise NotFound(MISSING)
        return known

    def _method(self, name: str) -> Method:
        if name in _PUSH:
            raise PushNotificationNotSupported
        if name in _NOT_OFFERED:
            raise UnsupportedOperation(f"{name} is not supported")
        method = self._methods.get(name)
        if method is None:
            raise MethodNotFound(f"Method not found: {name}")
        return method

    async def _send(self, incoming: IncomingRequest, call: Call) -> Response:
        params = params_of(call, SendParams)
        waits = not params.configuration.return_immediately
        task, run = await self._start_or_answer(incoming, params, RunMode.STREAM if waits else RunMode.ASYNC)
        if waits:
            caller_access = self._services.access.of(incoming.caller, incoming.workflow_id)
            with disconnecting(incoming.request.scope, incoming.request.receive, run, caller_access):
                await rest_of(run)
        else:
            run.disconnect()
        found = await self._tasks.find(incoming.caller, incoming.workflow_id, task.id)
        return StructResponse(result(call.id, {"task": task_body(found)}))

    async def _send_streaming(self, incoming: IncomingRequest, call: Call) -> Response:
        task, run = await self._start_or_answer(incoming, params_of(call, SendParams), RunMode.STREAM)
        return self._stream(incoming, call, task, run)

    async def _get(self, incoming: IncomingRequest, call: Call) -> Response:
        caller = await self._counted(incoming)
        found = await self._tasks.find(caller, incoming.workflow_id, params_of(call, TaskParams).id)
        return StructResponse(result(call.id, task_body(found)))

    async def _cancel(self, incoming: IncomingRequest, call: Call) -> Response:
        caller = await self._counted(incoming)
        stopped = await self._tasks.cancel(caller, incoming.workflow_id, params_of(call, TaskParams).id)
        return StructResponse(result(call.id, task_body(stopped)))

    async def _subscribe(self, incoming: IncomingRequest, call: Call) -> Response:
        caller = await self._counted(incoming)
        found, run = await self._tasks.follow(caller, incoming.workflow_id, params_of(call, TaskParams).id)
        return self._stream(incoming, call, task_body(found), run)

    async def _start_or_answer(
        self, incoming: IncomingRequest, params: SendParams, mode: RunMode
    ) -> tuple[Task, RunReader]:
        """Start a task, or answer a waiting one, and its run."""
        if params.configuration.task_push_notification_config is not msgspec.UNSET:
            raise PushNotificationNotSupported
        message, fields = params.message, workflow_input(params.message.parts)
        if message.task_id is not None:
            return await self._answer(incoming, message.task_id, fields, context_id=message.context_id)
        if mode is RunMode.ASYNC:
            _require_key(incoming.caller)
        context_id = message.context_id or new_id()
        conversation = f"{incoming.found.agent.id}:{context_id}"  # context ids are unique only within an agent
        request = ExecuteRequest(
            mode=mode,
            input=msgspec.json.encode({**fields, "conversationId": conversation}),
            selected_outputs=await self._published.selection(incoming.found.agent),
            call_chain=incoming.call_chain,
            keep_events=True,
            trigger=Trigger.A2A,
            conversation_id=context_id,
        )
        run = await self._tasks.begin(incoming.caller, incoming.found.endpoint, request)
        return submitted(run.run_id, context_id), run

    async def _answer(
        self, incoming: IncomingRequest, task_id: str, fields: dict[str, Any], *, context_id: str | None
    ) -> tuple[Task, RunReader]:
        caller = await self._counted(incoming)
        task, run = await self._tasks.answer(caller, incoming.workflow_id, task_id, fields, context_id=context_id)
        return resumed(task), run

    async def _counted(self, incoming: IncomingRequest) -> Caller:
        """Return the caller of a task request, once counted. Raises Unauthenticated for the public, RateLimited."""
        _require_key(incoming.caller)
        await self._services.rate_limits.count(incoming.request, incoming.caller, RateKind.API)
        return incoming.caller

    def _stream(self, incoming: IncomingRequest, call: Call, task: Task, run: RunReader) -> Response:
        writer = TaskWriter(call.id, task)
        return RunEventStream(
            run,
            writer,
            partial(self._tasks.find, incoming.caller, incoming.workflow_id, task.id),
            caller_access=self._services.access.of(incoming.caller, incoming.workflow_id),
            headers={"x-execution-id": task.id},
            write_seconds=self._write_seconds,
            head=writer.head,
        )


def _check_version(header: str) -> None:
    if header.strip() != PROTOCOL_VERSION:
        sent = header.strip() or "no version, which means 0.3"
        raise VersionNotSupported(f"A2A-Version must be {PROTOCOL_VERSION}; the call names {sent}")


def _require_key(caller: Caller) -> None:
    if caller.is_public:
        raise Unauthenticated("API key required")


def _refused(call_id: CallId, error: FlowportError) -> Response:
    """Present an error of the protocol; errors without a protocol number get their own HTTP status."""
    metrics.count_refusal(error)
    status = 200 if isinstance(error, PROTOCOL_ERRORS) else status_of(error)
    return StructResponse(error_answer(call_id, error), status_code=status, headers=retry_headers(error, status))


def a2a_router(endpoint: A2aEndpoint) -> APIRouter:
    """Return the routes that other agents connect to."""
    router = APIRouter(prefix="/api/a2a/serve/{agent_id}", route_class=plain(present_error), tags=["A2A"])
    router.add_api_route(
        CARD_PATH,
        endpoint.show_card,
        name="introduce",
        methods=["GET"],
        summary="Get an agent's card",
        responses=answers(Refusal, 404, 503),
    )
    body = {"content": {"application/json": {"schema": {"type": "object", "description": "JSON-RPC 2.0"}}}}
    responses: dict[int | str, dict[str, Any]] = {
        200: {"description": "Result, stream of the result, or error.", "content": {"text/event-stream": {}}},
        **answers(Refusal, 401, 402, 403, 404, 413, 429, 503),
    }
    router.add_api_route(
        "",
        endpoint.serve,
        methods=["POST"],
        route_class_override=plain(present_call_error),
        summary="Call a method of the Agent2Agent protocol",
        responses=responses,
        openapi_extra={"requestBody": body},
    )
    return router
