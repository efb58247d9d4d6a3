"""Error bodies of the execute route."""

from collections.abc import Callable
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.models import AdmissionClosed, RateLimited
from gateway.idempotency.store import IdempotencyKeyInUse, IdempotencyKeyReused, OutcomeUnknown
from gateway.runs.errors import AcceptUncertain, CallerDisconnected, RunLost, RunOverdue, RunUncertain
from gateway.web.errors import (
    ACCEPT_UNCERTAIN,
    counting_refusals,
    message_of,
    retry_headers,
    retry_seconds,
    status_of,
)
from gateway.web.routes import Refusal, answers, route_class_for
from shared.errors import (
    AtCapacity,
    FlowportError,
    InvalidRequest,
    NotFound,
    PayloadTooLarge,
    RunIdTaken,
    Unauthenticated,
)
from shared.web.struct_bodies import StructResponse

AT_CAPACITY: Final = "Service temporarily at capacity"
QUEUE_FULL: Final = "Execution queue is at capacity"

_EXPLAINED: Final = (InvalidRequest, NotFound, PayloadTooLarge, Unauthenticated)
"""Errors whose details help the caller."""


def present_plain_error(request: Request, error: FlowportError) -> Response:
    """Present errors like an execute call, for the routes of its runs."""
    status = status_of(error)
    named = {"x-execution-id": error.run_id} if isinstance(error, RunUncertain) else {}
    return StructResponse(_execute_body(error), status_code=status, headers={**named, **retry_headers(error, status)})


present_execute_error: Final = counting_refusals(present_plain_error)
"""Presents an execute call that was refused or lost."""


def _plain(error: FlowportError) -> dict[str, Any]:
    body: dict[str, Any] = {"error": message_of(error)}
    if isinstance(error, _EXPLAINED) and error.details is not None:
        body["details"] = error.details
    return body


_BODIES: Final[tuple[tuple[type[FlowportError], Callable[[Any], dict[str, Any]]], ...]] = (
    (
        AdmissionClosed,
        lambda error: {
            "error": "Too many requests",
            "message": error.message,
            "code": error.code,
            "retryable": True,
            "retryAfterSeconds": error.retry_after,
        },
    ),
    (
        RateLimited,
        lambda error: {"error": error.message, "code": error.code, "retryAfterSeconds": error.retry_after},
    ),
    (
        AtCapacity,
        lambda error: {
            "error": AT_CAPACITY,
            "message": (error.details or {}).get("message", QUEUE_FULL),
            "retryAfterSeconds": retry_seconds(error),
        },
    ),
    (
        RunIdTaken,
        lambda error: {
            "error": error.message,
            "code": "EXECUTION_ID_CONFLICT",
            "executionId": error.details["runId"],
        },
    ),
    (OutcomeUnknown, lambda error: {"error": error.message, "code": error.code, "executionId": error.run_id}),
    (IdempotencyKeyReused, lambda error: {"error": error.message, "code": error.code}),
    (IdempotencyKeyInUse, lambda error: {"error": error.message, "code": error.code}),
    (RunLost, lambda error: {"error": error.message, "code": "EXECUTION_LOST", "executionId": error.run_id}),
    (AcceptUncertain, lambda error: {"error": error.message, "code": ACCEPT_UNCERTAIN, "executionId": error.run_id}),
    (CallerDisconnected, lambda error: {"success": False, "error": error.message}),
    (RunOverdue, lambda error: {"success": False, "output": {}, "error": error.message}),
    (FlowportError, _plain),
)


def _execute_body(error: FlowportError) -> dict[str, Any]:
    return next(body(error) for kind, body in _BODIES if isinstance(error, kind))


def run_router(tag: str, *statuses: int, prefix: str = "") -> APIRouter:
    """Return a router of routes of runs, which document the error statuses `statuses`."""
    route_class = route_class_for(present_plain_error)
    return APIRouter(prefix=prefix, route_class=route_class, tags=[tag], responses=answers(Refusal, *statuses))
