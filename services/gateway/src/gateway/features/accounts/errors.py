"""Errors of `/api/auth`: a code and a message."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gateway.http.errors import message_of, retry_headers, status_of
from shared.errors import FlowportError
from shared.web.structs import StructResponse


def present_error(request: Request, error: FlowportError) -> Response:
    """Present a failed call."""
    status = status_of(error)
    body: dict[str, Any] = {"code": error.code, "message": message_of(error)}
    if error.details is not None:
        body["details"] = error.details
    return StructResponse(body, status_code=status, headers=retry_headers(error, status))
