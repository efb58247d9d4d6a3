"""Errors between services, sent by code, so that the caller raises the same class."""

from typing import Final, cast

import msgspec
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response

from shared.contracts.errors import ErrorBody
from shared.errors import (
    AtCapacity,
    Conflict,
    FlowportError,
    Forbidden,
    InvalidRequest,
    NotDeployed,
    NotFound,
    PayloadTooLarge,
    Unauthenticated,
    Unavailable,
)
from shared.web.struct_bodies import StructResponse

_STATUS: Final[tuple[tuple[type[FlowportError], int], ...]] = (
    (InvalidRequest, 400),
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotDeployed, 403),
    (NotFound, 404),
    (Conflict, 409),
    (PayloadTooLarge, 413),
    (AtCapacity, 503),
    (Unavailable, 503),
)


def status_of(error: FlowportError) -> int:
    """Return the HTTP status of `error` between services."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def render_internal_error(request: Request, error: Exception) -> Response:
    """Handle exceptions of every internal endpoint."""
    found = cast("FlowportError", error)
    return StructResponse(ErrorBody.of(found), status_code=status_of(found))


def render_starting(request: Request, error: Unavailable) -> Response:
    """Return the response of a service that is still starting, which tells callers that they may retry."""
    body = msgspec.structs.replace(ErrorBody.of(error), is_starting=True)
    return StructResponse(body, status_code=status_of(error))


def is_starting(body: bytes) -> bool:
    """Return whether the other service refused the call because it is still starting."""
    try:
        return msgspec.json.decode(body, type=ErrorBody).is_starting
    except msgspec.DecodeError:
        return False


def render_invalid_parameters(request: Request, error: Exception) -> Response:
    """Handle FastAPI's validation errors in paths and queries."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    if any(item["loc"][0] == "path" for item in found):
        return render_internal_error(request, NotFound("Not found"))  # no resource has such an id
    details = [{"path": [str(part) for part in item["loc"][1:]], "message": item["msg"]} for item in found]
    return render_internal_error(request, InvalidRequest("Invalid parameters", details=details))


def raise_internal_error(body: bytes, status: int) -> None:
    """Raise the other service's error; Unavailable if the body is not a known error."""
    try:
        found = msgspec.json.decode(body, type=ErrorBody)
    except msgspec.DecodeError:
        raise Unavailable(f"a service returned status {status} without an error body") from None
    raise found.error()
