"""Application of the gateway: components, middleware, routes."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.access.sessions import ControlListener
from gateway.chat.mail import Outbox
from gateway.chat.page import chat_page_router
from gateway.console.routes import root_router
from gateway.fallback_errors import error_response, expose_error_codes, refuse_before_start, register_error_handlers
from gateway.first_start import FirstKey, FirstPassword, FirstStart
from gateway.metrics import count_by_workspace
from gateway.outside import Outside
from gateway.routers import build_deletion_service, build_tools, channel_routers, operations_routers, people_routers
from gateway.runs.errors import CallerDisconnected
from gateway.settings import GatewaySettings
from gateway.web.bodies import BodyBudget
from gateway.web.console_assets import ConsoleFiles
from gateway.web.origins import PREFLIGHT, CrossSiteRules, RawHeaders, assign_request_id, rules_for
from gateway.web.rate_limit_headers import limit_headers
from gateway.web.routes import DirectRoutes
from gateway.wiring import (
    Callers,
    RunServices,
    build_caller_services,
    build_run_services,
    build_workflow_services,
    run_routers,
    workflow_routers,
)
from shared.contracts.messages import ControlMessage
from shared.observe.logging import get_logger
from shared.observe.plain_structlog import structlog
from shared.service import ServiceName
from shared.web.app import create_app
from shared.web.middleware import BodyLimitMiddleware

_TITLE: Final = "Flowport API"
_ABOUT: Final = (
    "Run workflows and manage them. Paths below `/api/v2` and `/api/v1` are those versions of the API, `/v1` is for "
    "OpenAI's clients, all others are the original API. Each workflow also has its own document, at "
    "`/api/workflows/{workflow_id}/openapi.json`, with its inputs and outputs."
)
_SCHEMES: Final = {
    "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "bearer": {"type": "http", "scheme": "bearer"},
}
_SECURITY: Final[list[dict[str, list[str]]]] = [{}, {"key": []}, {"bearer": []}]
"""None for public workflows, chats and signed-in users; otherwise an API key in either header."""


def describe(app: FastAPI) -> None:
    """Set title, description and authentication methods in the document of `app`."""
    app.title, app.description = _TITLE, _ABOUT
    describe_routes = app.openapi

    def openapi() -> dict[str, Any]:
        document = describe_routes()
        document.setdefault("components", {})["securitySchemes"] = _SCHEMES
        document["security"] = _SECURITY
        return document

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's own way to extend the document


REQUEST_ID: Final = b"x-request-id"
log = get_logger("middleware")


class RequestGuard:
    """Guard of every request. One layer has all rules: each layer would cost a call several functions.

    It answers preflights, assigns request ids, refuses cross-site requests with a session, answers unhandled errors,
    and adds the headers of cross-origin rules and rate limits. It answers HEAD as GET without the body; event streams
    then end at their start, since no client reads them.
    """

    def __init__(self, app: ASGIApp, public_url: str, cross_site: CrossSiteRules) -> None:
        self._app = app
        self._public_url = public_url
        self._cross_site = cross_site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["method"] == "HEAD":
            await self._serve_head(scope, receive, send)
        else:
            rules = rules_for(scope["path"], self._public_url)
            if rules is not None and scope["method"] == "OPTIONS":
                response = Response(status_code=204)
                response.raw_headers = [*rules, *PREFLIGHT]
                await response(scope, receive, send)
            else:
                await self._serve(scope, receive, send, rules or ())

    async def _serve_head(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                if (b"content-type", b"text/event-stream") in message["headers"]:
                    await send({"type": "http.response.body"})
                    raise CallerDisconnected
            elif not message.get("more_body"):
                await send({"type": "http.response.body"})

        as_get = {**scope, "method": "GET"}
        try:
            await self(as_get, receive, without_body)
        finally:
            scope["route"] = as_get.get("route")  # for metrics

    async def _serve(self, scope: Scope, receive: Receive, send: Send, rules: RawHeaders) -> None:
        request_id = assign_request_id(scope)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = False

        async def begin(message: Message) -> None:
            nonlocal started
            started = True
            own = await limit_headers(scope)
            message["headers"] = [*message["headers"], (REQUEST_ID, request_id.encode()), *own, *rules]
            await send(message)

        def with_headers(message: Message) -> Awaitable[None]:
            return begin(message) if message["type"] == "http.response.start" else send(message)

        try:
            if self._cross_site.refuse(scope):
                await error_response(Request(scope), 403, "Access denied")(scope, receive, with_headers)
            else:
                await self._app(scope, receive, with_headers)
        except Exception:
            log.exception("request_failed", path=scope["path"])
            if started:
                raise
            await error_response(Request(scope), 500, "Internal server error")(scope, receive, with_headers)


ANSWER_SECONDS: Final = 2.0
"""Part of the drain time reserved to report ended runs to their callers."""


def build(
    settings: GatewaySettings,
    *,
    outside: Outside | None = None,
    on_first_key: Callable[[FirstKey], None] | None = None,
    on_first_password: Callable[[FirstPassword], None] | None = None,
) -> FastAPI:
    """Build the gateway of `settings`, with dependencies from `outside` or else from settings.

    `on_first_key` receives a new key with every scope in clear, if the system has no key yet; `on_first_password` the
    admin's password, if one was generated.
    """
    expose_error_codes()
    count_by_workspace(settings.metrics_by_workspace)
    outside = outside or Outside(settings)
    broker, store = outside.broker, outside.store
    callers = build_caller_services(settings, outside)
    runs = build_run_services(settings, outside, callers)
    services, workflows, deletions = (
        runs.services,
        build_workflow_services(outside, callers),
        build_deletion_service(outside, callers),
    )
    tools, outbox = build_tools(settings, outside, services, workflows), Outbox(outside.mailer)
    console = ConsoleFiles()
    routers = [
        *run_routers(settings, outside, callers, runs),
        *people_routers(settings, outside, callers, deletions),
        *operations_routers(settings, outside, callers),
        *workflow_routers(settings, outside, callers, workflows),
        *channel_routers(settings, outside, callers, runs=runs, workflows=workflows, tools=tools, outbox=outbox),
        chat_page_router(console),
        root_router(settings.base_url, console, settings.docs_url),
    ]
    app = create_app(
        ServiceName.GATEWAY,
        build=settings.build,
        metrics_token=settings.metrics_token,
        components=[
            broker,
            store,
            *outside.opened,
            callers.key_uses,
            callers.stream_access,
            _first_start(settings, outside, on_first_key, on_first_password),
            runs.cancels,
            runs.attached,
            runs.followed,
            runs.idempotency,
            tools.endpoint,
            outbox,
            deletions,
            ControlListener(broker.control, _control_handlers(callers, runs)),
        ],
        checks={"broker": broker.ping, "store": store.ping},
        routers=routers,
        middleware=_guards(settings, routers),
        refuse=refuse_before_start,
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    describe(app)
    register_error_handlers(app, console)
    app.state.on_drain = partial(runs.drain, max(0.0, settings.drain_seconds - ANSWER_SECONDS))
    return app


def _first_start(
    settings: GatewaySettings,
    outside: Outside,
    on_key: Callable[[FirstKey], None] | None,
    on_password: Callable[[FirstPassword], None] | None,
) -> FirstStart:
    return FirstStart(
        outside.store,
        outside.passwords,
        outside.clock,
        settings.default_plan,
        admin_email=settings.admin_email,
        admin_password=settings.admin_password.get_secret_value(),
        on_key=on_key,
        on_password=on_password,
    )


def _control_handlers(callers: Callers, runs: RunServices) -> Sequence[Callable[[ControlMessage], None]]:
    """Return the handlers of broadcasts."""
    return (
        callers.authentication.on_control,
        callers.endpoints.on_control,
        callers.stream_access.on_control,
        runs.attached.on_control,
    )


def _guards(settings: GatewaySettings, routers: Sequence[APIRouter]) -> list[Middleware]:
    """Return the middleware, outermost first."""
    return [
        Middleware(
            RequestGuard,
            public_url=settings.base_url,
            cross_site=CrossSiteRules(settings.base_url, settings.trusted_origins),
        ),
        Middleware(BodyLimitMiddleware, limit=settings.max_body_bytes),
        Middleware(BodyBudget, limit=settings.max_inflight_body_bytes),
        Middleware(DirectRoutes, routes=[route for router in routers for route in router.routes]),
    ]
