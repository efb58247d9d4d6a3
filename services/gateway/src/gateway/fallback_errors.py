"""Errors outside of routes, and all error codes."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from gateway import metrics
from gateway.openai.models import fault
from gateway.runs.errors import (
    IdentityUnavailable,
    NotStarted,
    RunLost,
    RunOverdue,
    ServerStopping,
    StreamBroken,
)
from gateway.v2.routes import NO_STORE
from gateway.web.bodies import problem_of
from gateway.web.console_assets import ConsoleFiles
from gateway.web.errors import UNAVAILABLE_RETRY_SECONDS, code_of, message_of
from gateway.web.origins import request_id_of
from shared.broker.ports import BrokerDisconnected, BrokerUnavailable, QueueFull
from shared.errors import AtCapacity, OutcomeUncertain, Unavailable
from shared.web.struct_bodies import StructResponse

_CODES = {400: "BAD_REQUEST", 403: "FORBIDDEN", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}
_MESSAGES = {404: "Not found", 405: "Method not allowed"}


def register_error_handlers(app: FastAPI, console: ConsoleFiles) -> None:
    """Replace the framework's error bodies in `app`; `console` answers its mistyped addresses."""

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
        if error.status_code == HTTPStatus.NOT_FOUND and console.is_unknown_page(request):
            return await console.not_found_page(request)
        return _http_error(request, error)

    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, _invalid_parameters)


def error_response(request: Request, status: int, message: str) -> Response:
    """Return an error in the request's API generation, for middleware before the routes."""
    return StructResponse(_body(request, message, status), status_code=status, headers=_headers(request))


def refuse_before_start(request: Request, error: Unavailable) -> Response:
    """Return the error of a call that arrives while the gateway waits for its broker or store."""
    response = error_response(request, 503, message_of(error))
    response.headers["retry-after"] = str(UNAVAILABLE_RETRY_SECONDS)
    return response


def _http_error(request: Request, error: HTTPException) -> Response:
    message = _MESSAGES.get(error.status_code, error.detail)
    more = error.headers or {}
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        more = {"allow": ", ".join(sorted(set(_methods_at(request))))}
    headers = {**_headers(request), **more}
    return StructResponse(_body(request, message, error.status_code), error.status_code, headers)


def _methods_at(request: Request) -> Iterator[str]:
    """Return the methods of this path: each is a separate route, of which the framework names one."""
    for route in request.app.router.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is Match.PARTIAL:
            yield from route.methods or ()
            if "GET" in (route.methods or ()):
                yield "HEAD"  # see RequestGuard


def _invalid_parameters(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    details = [problem_of({**problem, "loc": problem["loc"][1:]}) for problem in error.errors()]
    message = details[0]["message"] if details else "Invalid parameters"
    return StructResponse(_body(request, message, 400, details), status_code=400, headers=_headers(request))


def _is_v2(request: Request) -> bool:
    return request.url.path.startswith("/api/v2/")


def _headers(request: Request) -> dict[str, str]:
    return dict(NO_STORE) if _is_v2(request) else {}


def _body(request: Request, message: str, status: int, details: Any = None) -> dict[str, Any]:
    path = request.url.path
    if path.startswith("/v1/"):
        return fault(message, "server_error" if status >= 500 else "invalid_request_error", None)
    if _is_v2(request):
        more = {} if details is None else {"details": details}
        return {"error": {"code": _CODES.get(status, "INTERNAL_ERROR"), "message": message, **more}}
    if details is None:
        return {"error": message}
    if path.startswith("/api/v1/"):
        return {"error": message, "details": details}
    named = {"code": code_of(message), "requestId": request_id_of(request.scope)}
    return {"error": message, **named, "details": details}


def expose_error_codes() -> None:
    """Start the metric series of these errors at 0."""
    metrics.expose_error_codes(
        error.code
        for error in (
            AtCapacity,
            BrokerDisconnected,
            BrokerUnavailable,
            IdentityUnavailable,
            NotStarted,
            OutcomeUncertain,
            QueueFull,
            RunLost,
            RunOverdue,
            ServerStopping,
            StreamBroken,
            Unavailable,
        )
    )
