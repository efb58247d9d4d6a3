"""Web application of a service: health, readiness, metrics, and its routers."""

import asyncio
import hmac
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import SecretStr
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from shared.errors import FlowportError, Unauthenticated
from shared.observe.metrics import BUILD_INFO, TASKS
from shared.service import Check, Component, Lifecycle
from shared.web.internal_auth import split_tokens
from shared.web.internal_errors import render_internal_error, render_invalid_parameters, render_starting
from shared.web.middleware import TelemetryMiddleware
from shared.web.startup import Refuse, Startup
from shared.web.struct_bodies import StructResponse

CHECK_SECONDS = 5.0
CLIENT_CLOSED_REQUEST: Final = 499
NO_TOKEN: Final = SecretStr("")
_NO_SECOND_TELEMETRY: Final[TelemetryConfig] = {"tracing": False, "metrics": False, "logs": False}
"""FastAPI would record the start and end of the process a second time."""


def create_app(
    name: str,
    *,
    components: Sequence[Component],
    checks: Mapping[str, Check],
    routers: Sequence[APIRouter],
    middleware: Sequence[Middleware] = (),
    build: str = "",
    metrics_token: SecretStr = NO_TOKEN,
    refuse: Refuse = render_starting,
    **fastapi_options: Any,
) -> FastAPI:
    """Return the application of service `name`.

    `components` share its lifetime; `checks` and `app.state.is_draining` decide `/readyz`; internal errors are rendered
    by code unless the service registers its own handlers. `build`: the running build, if known. `metrics_token`
    protects the metrics and readiness details; it may be a list. `refuse` renders the error of calls that arrive before
    the start is complete.
    """
    BUILD_INFO.labels(name, build or version("flowport-shared")).set(1)
    startup = Startup(Lifecycle(components), refuse)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with startup.running():
            yield

    app = FastAPI(
        title=name,
        lifespan=lifespan,
        middleware=[Middleware(TelemetryMiddleware, service=name), *middleware],
        telemetry=_NO_SECOND_TELEMETRY,
        redirect_slashes=False,  # a redirect would use the internal address, not the caller's
        **{"openapi_url": None, **fastapi_options},
    )
    app.state.is_draining = False
    app.state.startup = startup
    app.add_exception_handler(FlowportError, render_internal_error)
    app.add_exception_handler(RequestValidationError, render_invalid_parameters)
    app.add_exception_handler(ClientDisconnect, client_disconnected)
    # Not by include_router: FastAPI would traverse it twice for each request, and rebuild its routes.
    app.router.routes.extend(_operations(checks, metrics_token, startup).routes)
    startup.guard(app.router.routes)
    for router in routers:
        app.router.routes.extend(router.routes)
    return app


def client_disconnected(request: Request, error: Exception) -> Response:
    """Handle a client that disconnected, or was disconnected, before its request was complete: no error, no reader."""
    return Response(status_code=CLIENT_CLOSED_REQUEST)


def _operations(checks: Mapping[str, Check], metrics_token: SecretStr, startup: Startup) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    tokens = [token.encode() for token in split_tokens(metrics_token)]

    def is_operator(request: Request) -> bool:
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        matches = [hmac.compare_digest(token, shown.strip().encode()) for token in tokens]
        return not tokens or (scheme.lower() == "bearer" and any(matches))

    @router.get("/healthz")
    async def healthz() -> Response:
        return StructResponse({"status": "ok"})

    @router.get("/readyz")
    async def readyz(request: Request) -> Response:
        if request.app.state.is_draining:
            return StructResponse({"status": "draining", "problems": []}, status_code=503)
        if startup.waits_for:
            problems = [f"start: {startup.waits_for}"]
        else:
            problems = [problem for problem in await asyncio.gather(*map(_failure, checks.items())) if problem]
        body = {"status": "unready" if problems else "ready", "problems": problems if is_operator(request) else []}
        return StructResponse(body, status_code=503 if problems else 200)

    @router.get("/metrics")
    async def metrics(request: Request) -> Response:
        if not is_operator(request):
            return render_internal_error(request, Unauthenticated("FLOWPORT_METRICS_TOKEN is required as Bearer token"))
        TASKS.set(len(asyncio.all_tasks()))
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


async def _failure(check: tuple[str, Check]) -> str | None:
    name, run = check
    try:
        await asyncio.wait_for(run(), CHECK_SECONDS)
    except Exception as error:
        return f"{name}: {str(error) or type(error).__name__}"
    return None
