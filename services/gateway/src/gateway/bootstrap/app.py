"""Application of the gateway."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware

from gateway.access.adapters.control import ControlListener
from gateway.bootstrap.api_description import describe
from gateway.bootstrap.callers import Callers, build_caller_services
from gateway.bootstrap.channels import build_tools, channel_routers
from gateway.bootstrap.error_codes import expose_error_codes
from gateway.bootstrap.fallback_errors import refuse_before_start, register_error_handlers
from gateway.bootstrap.first_start import FirstKey, FirstPassword, FirstStart
from gateway.bootstrap.middleware import RequestGuard
from gateway.bootstrap.outside import Outside
from gateway.bootstrap.runs import RunServices, build_run_services, run_routers
from gateway.bootstrap.workflows import build_workflow_services, workflow_routers
from gateway.bootstrap.workspaces import build_deletion_service, operations_routers, people_routers
from gateway.chat.mail import Outbox
from gateway.chat.page import chat_page_router
from gateway.console.routes import root_router
from gateway.http.body_budget import BodyBudget
from gateway.http.console_assets import ConsoleFiles
from gateway.http.cross_site import CrossSiteRules
from gateway.http.routes import DirectRoutes
from gateway.metrics import count_by_workspace
from gateway.settings import GatewaySettings
from shared.contracts.messages import ControlMessage
from shared.service import ServiceName
from shared.web.app import create_app
from shared.web.middleware import BodyLimitMiddleware

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
