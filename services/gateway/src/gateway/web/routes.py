"""Parts that every route uses: access of callers, parameters, usage."""

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from datetime import timedelta
from functools import cache
from typing import Any, Final

from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from gateway.access.authentication import Authentication
from gateway.access.credentials import Caller, Scope
from gateway.access.models import AccessDenied
from gateway.access.plans import BucketState, RateKind
from gateway.runs.logs import Usage
from gateway.runs.views import as_number
from gateway.web.bodies import Wire, body_model
from gateway.web.errors import Present, present_error
from gateway.web.rate_limit_headers import RateLimitHeaders
from gateway.workflows.endpoints import Endpoints
from shared.clock import Clock, iso
from shared.errors import FlowportError, InvalidRequest, NotFound
from shared.web.app import client_disconnected

VERSIONS_NEED_KEY: Final = "Reading another version than the live one requires an API key"


class _Access:
    def __init__(self, authentication: Authentication, endpoints: Endpoints, rate_limits: RateLimitHeaders) -> None:
        self._authentication = authentication
        self._endpoints = endpoints
        self._rate_limits = rate_limits


class WorkspaceAccess(_Access):
    """Access to the legacy API: an unknown workflow is 404, another workspace's is 403."""

    async def caller(self, request: Request) -> Caller:
        """Return the caller. Raises Unauthenticated, Unavailable."""
        caller = await self._authentication.require(request.headers)
        self._rate_limits.show(request, caller, RateKind.API)
        return caller

    async def to_workflow(self, request: Request) -> Caller:
        """Return the caller of the path's workflow. Raises Unauthenticated, NotFound, Forbidden, Unavailable."""
        caller = await self.caller(request)
        workflow_id = request.path_params["workflow_id"]
        endpoint = await self._endpoints.get(workflow_id)
        return caller.on(endpoint.workspace_id, workflow_id)

    async def to_workspace(self, request: Request, workspace_id: str) -> Caller:
        """Return the caller of the path's workspace. Raises Unauthenticated, Forbidden, Unavailable."""
        caller = await self.caller(request)
        return caller.within(workspace_id)

    async def to_interface(self, request: Request) -> Caller:
        """Return the caller who reads the path's workflow, the public if it is open.

        The public sees only the live version. Raises Unauthenticated, InvalidRequest, NotFound, Forbidden, Unavailable.
        """
        workflow_id = request.path_params["workflow_id"]
        caller = await self._authentication.caller(request.headers)
        if caller is None:
            endpoint = await self._endpoints.find(workflow_id)
            caller = await self._authentication.public_caller(endpoint, self._rate_limits.address_of(request))
            if "version" in request.query_params:
                raise InvalidRequest(VERSIONS_NEED_KEY)
            self._rate_limits.show(request, caller, RateKind.SYNC)
            return caller
        caller = await self.to_workflow(request)
        caller.require(Scope.READ, Scope.EXECUTE)
        return caller


class CountedAccess(_Access):
    """Access to the newer APIs, after counting the call. Resources of other workspaces are not found."""

    async def caller(self, request: Request) -> Caller:
        """Return the caller. Raises Unauthenticated, RateLimited, Unavailable."""
        caller = await self._authentication.require(request.headers, message="API key required")
        await self._rate_limits.count(request, caller, RateKind.API)
        return caller

    async def to_workflow(self, request: Request) -> Caller:
        """Return the caller of the path's workflow.

        Raises Unauthenticated, RateLimited, NotFound, WrongWorkflow, Unavailable.
        """
        caller = await self.caller(request)
        workflow_id = request.path_params["workflow_id"]
        endpoint = await self._endpoints.get(workflow_id)
        if not caller.may_enter(endpoint.workspace_id):
            raise NotFound("Workflow not found")
        return caller.on(endpoint.workspace_id, workflow_id)

    async def to_deployment(self, request: Request) -> Caller:
        """Return a caller who may deploy. A key whose user may not deploy gets NotFound.

        Raises what `to_workflow` raises, MissingScope, AccessDenied.
        """
        caller = await self.to_workflow(request)
        try:
            caller.require(Scope.DEPLOY)
        except AccessDenied:
            if caller.is_session:
                raise
            raise NotFound("Workflow not found") from None
        return caller


Responses = dict[int | str, dict[str, Any]]
AUTHORING: Final = (400, 401, 403, 404, 503)
"""Error statuses of routes that read and change workflows."""
WORKSPACE: Final = (400, 401, 403, 404, 409, 413, 429, 503)
"""Error statuses of routes that manage a workspace."""


def described(model: type[BaseModel]) -> dict[str, Any]:
    """Return the `openapi_extra` of a route whose body is `model`."""
    return {"requestBody": {"content": content_of(model)}}


def answers(model: type[BaseModel], *statuses: int) -> Responses:
    """Return the `responses` of routes that answer `model` with these statuses, and by default."""
    every: tuple[int | str, ...] = (*statuses, "default")
    return {status: answer(model, _text(model)) for status in every}


def answer(model: type[BaseModel], description: str) -> dict[str, Any]:
    """Return one of `responses`."""
    return {"description": description, "content": content_of(model)}


@cache
def content_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return `model` as self-contained JSON content."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})
    return {"application/json": {"schema": _inlined(schema, parts)}}


def _inlined(value: Any, parts: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_inlined(item, parts) for item in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref")
    if isinstance(reference, str):
        return _inlined(parts[reference.rpartition("/")[2]], parts)
    return {key: _inlined(item, parts) for key, item in value.items()}


def _text(model: type[BaseModel]) -> str:
    return (model.__doc__ or model.__name__).split("\n", 1)[0]


class FieldProblem(Wire):
    """Problem with a field of a request."""

    path: str
    message: str


class Refusal(Wire):
    """Error of an execute call."""

    error: str
    details: list[FieldProblem] | None = None
    code: str | None = None
    execution_id: str | None = None
    message: str | None = None
    retryable: bool | None = None
    retry_after_seconds: int | None = None


class Error(Wire):
    """Error of any other call."""

    error: str
    code: str
    request_id: str
    details: Any = None


Handler = Callable[[Request], Coroutine[Any, Any, Response]]
_AT_END: Final = "at_end"


def route_class_for(present: Present) -> type[APIRoute]:
    """Return a class of FastAPI routes whose errors `present` formats. A body parsed by `json_of` is documented."""

    class PresentingRoute(APIRoute):
        def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
            if options.get("openapi_extra") is None and (model := body_model(endpoint)) is not None:
                options["openapi_extra"] = described(model)
            super().__init__(path, endpoint, **options)

        def get_route_handler(self) -> Handler:
            handle = super().get_route_handler()

            async def presented(request: Request) -> Response:
                try:
                    return await handle(request)
                except FlowportError as error:
                    return present(request, error)

            return presented

    return PresentingRoute


class PlainRoute(APIRoute):
    """Route that calls `endpoint(request)` directly; FastAPI only documents it.

    Dependencies, validation and serialization are skipped. Callbacks of `call_at_end` run after the last byte.
    """

    present: Present

    async def handle(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Serve a request without the exit stacks and the second error handler of FastAPI's routes."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        request = Request(scope, receive, send)
        at_end: list[Callable[[], None]] = []
        scope[_AT_END] = at_end
        try:
            try:
                response = await self.endpoint(request)
            except FlowportError as error:
                response = self.present(request, error)
            except ClientDisconnect as error:
                response = client_disconnected(request, error)
            await response(scope, receive, send)
        finally:
            for call in reversed(at_end):
                call()


def plain(present: Present) -> type[APIRoute]:
    """Return a class of plain routes whose errors `present` formats."""
    return type("PlainRoute", (PlainRoute,), {"present": staticmethod(present)})


class DirectRoutes:
    """Middleware that serves POST calls of plain `routes` without the router and the layers before it.

    Until the start is complete, the router refuses them.
    """

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        plain_routes = (route for route in routes if isinstance(route, PlainRoute))
        self._routes = [(route.path_regex, route) for route in plain_routes if "POST" in (route.methods or ())]

    def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one connection."""
        if scope["type"] == "http" and scope["method"] == "POST" and not scope["app"].state.startup.waits_for:
            for pattern, route in self._routes:
                if (found := pattern.match(scope["path"])) is not None:
                    scope["route"], scope["path_params"] = route, found.groupdict()
                    return route.handle(scope, receive, send)
        return self._app(scope, receive, send)


async def body_of(request: Request) -> bytes:
    """Return the whole body, which can be read only once: faster than the request's own. Raises ClientDisconnect."""
    parts: list[bytes] = []
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def call_at_end(request: Request, call: Callable[[], None]) -> None:
    """Call `call`, which must not raise, once the last byte of the response is sent."""
    request.scope[_AT_END].append(call)


def headers_of(request: Request) -> dict[str, str]:
    """Return headers by lower-case name, the first of each: faster than the request's own."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(request.scope["headers"])}


def legacy_router(tag: str, *statuses: int, prefix: str = "") -> APIRouter:
    """Return a router whose routes document the error statuses `statuses`."""
    route_class = route_class_for(present_error)
    return APIRouter(prefix=prefix, route_class=route_class, tags=[tag], responses=answers(Error, *statuses))


NO_SPEND_LIMIT: Final = 99_999
"""Number sent when no cap applies: clients expect one."""


class Bucket(Wire):
    """State of one rate limit."""

    requests_per_minute: int = Field(description="Calls added per window.")
    max_burst: int = Field(description="Capacity of the bucket.")
    remaining: int
    reset_at: str


class WorkflowRates(Wire):
    """Limits of calls that start runs."""

    sync: Bucket
    queued: Bucket = Field(alias="async")


class Spending(Wire):
    """Spend this month, in US dollars."""

    current_period_cost: int | float
    limit: int | float
    plan: str
    is_exceeded: bool


class Limits(Wire):
    """The caller's limits. The headers show the limit that this call was counted against."""

    workflow_execution_rate_limit: WorkflowRates
    usage: Spending


def limits_block(usage: Usage, clock: Clock) -> Limits:
    """Return the `limits` of a response."""
    rates = WorkflowRates(sync=bucket(usage.sync_calls, clock), queued=bucket(usage.async_calls, clock))
    spending = Spending(
        current_period_cost=as_number(usage.cost_usd),
        limit=spend_limit(usage),
        plan=usage.plan,
        is_exceeded=usage.is_exceeded,
    )
    return Limits(workflow_execution_rate_limit=rates, usage=spending)


def spend_limit(usage: Usage) -> float:
    """Return the monthly cap, as an integer if whole."""
    return as_number(usage.cap_usd or NO_SPEND_LIMIT)


def bucket(state: BucketState, clock: Clock) -> Bucket:
    """Return the current state of a rate limit."""
    return Bucket(
        requests_per_minute=state.rate.per_window,
        max_burst=state.rate.burst,
        remaining=state.remaining,
        reset_at=iso(clock.now() + timedelta(seconds=state.resets_in)),
    )
