"""Routers and access of the v2 API."""

from collections.abc import Callable
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.credentials import Caller
from gateway.access.models import AdmissionClosed, RateLimited, UsageLimitExceeded, WrongWorkspace
from gateway.idempotency.store import IdempotencyKeyInUse, IdempotencyKeyReused, OutcomeUnknown
from gateway.runs.errors import (
    AcceptUncertain,
    CallChainTooDeep,
    CallerDisconnected,
    RunLost,
    RunOverdue,
    RunUncertain,
)
from gateway.v2.models import ErrorAnswer
from gateway.web.errors import (
    ACCEPT_UNCERTAIN,
    CAPACITY_RETRY_SECONDS,
    UNAVAILABLE_RETRY_SECONDS,
    counting_refusals,
    message_of,
)
from gateway.web.routes import CountedAccess, answers, route_class_for
from gateway.workflows.deployment import GateRefused
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
    RepairRefused,
    RunIdTaken,
    Unauthenticated,
    Unavailable,
)
from shared.web.struct_bodies import StructResponse


def v2_router(*statuses: int, prefix: str = "") -> APIRouter:
    """Return a router of the v2 API whose routes document the error statuses `statuses`."""
    route_class = route_class_for(present_error)
    return APIRouter(prefix=prefix, route_class=route_class, tags=["v2"], responses=answers(ErrorAnswer, *statuses))


class V2Access(CountedAccess):
    """Access that stops key guessing before guesses cost anything."""

    async def caller(self, request: Request) -> Caller:
        await self._rate_limits.count_address(request)
        return await super().caller(request)


NO_STORE: Final = {"cache-control": "private, no-store"}


CHALLENGE: Final = {"www-authenticate": 'SimApiKey realm="Sim API", header="x-api-key"'}


_KINDS: Final[tuple[tuple[type[FlowportError], int, str], ...]] = (
    (WrongWorkspace, 404, "NOT_FOUND"),
    (InvalidRequest, 400, "BAD_REQUEST"),
    (Unauthenticated, 401, "UNAUTHORIZED"),
    (Forbidden, 403, "FORBIDDEN"),
    (NotDeployed, 403, "FORBIDDEN"),
    (NotFound, 404, "NOT_FOUND"),
    (PreconditionFailed, 412, "PRECONDITION_FAILED"),
    (Conflict, 409, "CONFLICT"),
    (PayloadTooLarge, 413, "PAYLOAD_TOO_LARGE"),
    (AdmissionClosed, 429, "RATE_LIMITED"),
    (UsageLimitExceeded, 402, "USAGE_LIMIT_EXCEEDED"),
    (RateLimited, 429, "RATE_LIMITED"),
    (CallerDisconnected, 499, "CLIENT_CLOSED_REQUEST"),
    (RunOverdue, 503, "SERVICE_UNAVAILABLE"),
    (AtCapacity, 503, "SERVICE_UNAVAILABLE"),
    (Unavailable, 503, "SERVICE_UNAVAILABLE"),
)


_MESSAGES: Final[tuple[tuple[type[FlowportError], str], ...]] = (
    (WrongWorkspace, "Workflow not found"),
    (RunIdTaken, "Run ID has already been used"),
)


def present_error(request: Request, error: FlowportError) -> Response:
    """Present a failed v2 call."""
    status, about = error_facts(error)
    return StructResponse({"error": about}, status_code=status, headers=_headers(error, status))


def error_facts(error: FlowportError) -> tuple[int, dict[str, Any]]:
    """Return the status and the facts of an error."""
    status, code = next(((status, code) for kind, status, code in _KINDS if isinstance(error, kind)), (500, ""))
    about: dict[str, Any] = {"code": code or "INTERNAL_ERROR", "message": _message(error)}
    details = _details(error)
    if details is not None:
        about["details"] = details
    return status, about


present_execute_error: Final = counting_refusals(present_error)
"""Presents an execute call that was refused or lost."""


def _message(error: FlowportError) -> str:
    return next((text for kind, text in _MESSAGES if isinstance(error, kind)), None) or message_of(error)


_DETAILS: Final[tuple[tuple[type[FlowportError], Callable[[Any], Any]], ...]] = (
    (RunIdTaken, lambda error: {"code": "RUN_ID_CONFLICT", "runId": error.details["runId"]}),
    (CallChainTooDeep, lambda error: {"code": error.code}),
    (RateLimited, lambda error: {"code": error.code}),
    (OutcomeUnknown, lambda error: {"code": error.code, "runId": error.run_id}),
    (IdempotencyKeyReused, lambda error: {"code": error.code}),
    (IdempotencyKeyInUse, lambda error: {"code": error.code}),
    (RunLost, lambda error: {"code": "RUN_LOST", "runId": error.run_id}),
    (AcceptUncertain, lambda error: {"code": ACCEPT_UNCERTAIN, "runId": error.run_id}),
    (RunUncertain, lambda error: {"code": error.code, "runId": error.run_id}),
    (InvalidRequest, lambda error: error.details),
    (RepairRefused, lambda error: error.details),
    (GateRefused, lambda error: error.details),
)


def _details(error: FlowportError) -> Any:
    return next((details(error) for kind, details in _DETAILS if isinstance(error, kind)), None)


def _headers(error: FlowportError, status: int) -> dict[str, str]:
    headers = dict(NO_STORE)
    if status == 401:
        headers |= CHALLENGE
    seconds = error.retry_after
    if status == 503 and seconds is None and not isinstance(error, OutcomeUncertain):
        seconds = CAPACITY_RETRY_SECONDS if isinstance(error, AtCapacity) else UNAVAILABLE_RETRY_SECONDS
    if seconds is not None:
        headers["retry-after"] = str(seconds)
    if isinstance(error, RunIdTaken | RunUncertain):
        headers["x-run-id"] = error.details["runId"]
    return headers
