"""Errors and access of the v1 API: the text, and details for invalid bodies."""

from typing import Any

import msgspec
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.application.authentication import Authentication
from gateway.access.domain.credentials import Caller
from gateway.access.domain.limit_errors import RateLimited
from gateway.http.access import CountedAccess
from gateway.http.bodies import raw_json
from gateway.http.error_status import message_of, retry_headers, status_of
from gateway.http.rate_limit_headers import RateLimitHeaders
from gateway.http.routes import answers, route_class_for
from gateway.http.usage import Limits, limits_block
from gateway.runs.application.usage import UsageReports
from gateway.wire.v1.models import ErrorAnswer
from gateway.workflows.application.endpoints import Endpoints
from gateway.workflows.domain.gate import GateRefused
from shared.clock import Clock, epoch_ms, iso
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


def v1_router(tag: str, *statuses: int, prefix: str = "") -> APIRouter:
    """Return a router of the v1 API whose routes document the error statuses `statuses`."""
    route_class = route_class_for(present_error)
    return APIRouter(prefix=prefix, route_class=route_class, tags=[tag], responses=answers(ErrorAnswer, *statuses))


class V1Access(CountedAccess):
    """Caller access, plus the `limits` block of the answer."""

    def __init__(
        self,
        authentication: Authentication,
        endpoints: Endpoints,
        rate_limits: RateLimitHeaders,
        *,
        reports: UsageReports,
        clock: Clock,
    ) -> None:
        super().__init__(authentication, endpoints, rate_limits)
        self._reports = reports
        self._clock = clock

    async def limits(self, caller: Caller) -> Limits:
        """Return the caller's limits."""
        return limits_block(await self._reports.of(caller), self._clock)

    async def answer(self, caller: Caller, data: BaseModel | msgspec.Raw, status_code: int = 200) -> Response:
        """Return `data` with the caller's limits."""
        document = raw_json(data) if isinstance(data, BaseModel) else data
        return StructResponse({"data": document, "limits": raw_json(await self.limits(caller))}, status_code)
