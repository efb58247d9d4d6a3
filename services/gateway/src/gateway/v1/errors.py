"""Errors of the v1 API: the text, and details for invalid bodies."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gateway.access.errors import RateLimited
from gateway.web.errors import message_of, retry_headers, status_of
from gateway.workflows.deployment import GateRefused
from shared.clock import epoch_ms, iso
from shared.errors import FlowportError, InvalidRequest
from shared.web.struct_bodies import StructResponse


def present_error(request: Request, error: FlowportError) -> Response:
    """Present a failed v1 call."""
    status = status_of(error)
    body: dict[str, Any] = {"error": message_of(error)}
    if isinstance(error, RateLimited):
        body = _rate_limited(error)
    if isinstance(error, InvalidRequest | GateRefused) and error.details is not None:
        body["details"] = error.details
    return StructResponse(body, status_code=status, headers=retry_headers(error, status))


def _rate_limited(error: RateLimited) -> dict[str, Any]:
    return {
        "error": "Rate limit exceeded",
        "message": f"API rate limit exceeded. Please retry after {iso(error.resets_at)}",
        "retryAfter": epoch_ms(error.resets_at),
    }
