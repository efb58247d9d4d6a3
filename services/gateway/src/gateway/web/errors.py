"""Status and body of every error."""

from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gateway import metrics
from gateway.access.models import AdmissionClosed, RateLimited, TooManyAttempts, UsageLimitExceeded
from gateway.runs.errors import CallerDisconnected, RunOverdue, RunUncertain
from gateway.web.origins import request_id_of
from shared.contracts.runs import ErrorCode, RunError
from shared.errors import (
    AtCapacity,
    Conflict,
    FlowportError,
    Forbidden,
    InvalidRequest,
    NotDeployed,
    NotFound,
    OutcomeUncertain,
    PayloadTooLarge,
    PreconditionFailed,
    Unauthenticated,
    Unavailable,
)
from shared.observe.logging import get_logger
from shared.web.struct_bodies import StructResponse

CAPACITY_RETRY_SECONDS: Final = 10
UNAVAILABLE_RETRY_SECONDS: Final = 5
UNAVAILABLE: Final = "Service temporarily unavailable"
ACCEPT_UNCERTAIN: Final = "ASYNC_ENQUEUE_AMBIGUOUS"

_STATUS: Final[tuple[tuple[type[FlowportError], int], ...]] = (
    (InvalidRequest, 400),
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotDeployed, 403),
    (NotFound, 404),
    (RunOverdue, 408),
    (PreconditionFailed, 412),
    (Conflict, 409),
    (PayloadTooLarge, 413),
    (AdmissionClosed, 429),
    (UsageLimitExceeded, 402),
    (RateLimited, 429),
    (TooManyAttempts, 429),
    (CallerDisconnected, 499),
    (AtCapacity, 503),
    (Unavailable, 503),
)

Present = Callable[[Request, FlowportError], Response]
"""Formats an error for one API generation."""

log = get_logger("http_errors")


def status_of(error: FlowportError) -> int:
    """Return the HTTP status of `error` on the legacy and v1 APIs."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def message_of(error: FlowportError) -> str:
    """Return the public message: internal details stay in the log."""
    if type(error) is Unavailable or type(error) is FlowportError:
        log.error("dependency_unavailable", error=error.message)
        return UNAVAILABLE
    return error.message


def present_error(request: Request, error: FlowportError) -> Response:
    """Present an error on other legacy routes: the text, and a code derived from it."""
    status, message = status_of(error), message_of(error)
    body = {"error": message, "code": code_of(message), "requestId": request_id_of(request.scope)}
    if error.details is not None and not isinstance(error, RunUncertain):
        body["details"] = error.details
    return StructResponse(body, status_code=status, headers=retry_headers(error, status))


def counting_refusals(present: Present) -> Present:
    """Return the presenter with a refusal metric, for endpoints that run workflows."""

    def counted(request: Request, error: FlowportError) -> Response:
        metrics.count_refusal(error)
        return present(request, error)

    return counted


present_call_error: Final = counting_refusals(present_error)
"""Presenter for the other endpoints that run workflows."""


def code_of(message: str) -> str:
    """`Task not found` → `TASK_NOT_FOUND`."""
    return "_".join(message.upper().split())


def retry_headers(error: FlowportError, status: int) -> dict[str, str]:
    """Return `Retry-After` where a retry makes sense and repeats no effect."""
    if isinstance(error, OutcomeUncertain):
        return {}
    fallback = UNAVAILABLE_RETRY_SECONDS if status == 503 else None
    seconds = retry_seconds(error) if isinstance(error, AtCapacity) else error.retry_after or fallback
    return {} if seconds is None else {"retry-after": str(seconds)}


def retry_seconds(error: AtCapacity) -> int:
    """Return when the queue will probably have room."""
    return error.retry_after or CAPACITY_RETRY_SECONDS


def failure_status(error: RunError | None) -> int:
    """Return the HTTP status of a failed run, if it has its own."""
    if error is None:
        return 500
    return 408 if error.code is ErrorCode.TIMEOUT else error.http_status or 500
