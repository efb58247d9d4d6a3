"""Routers and access of the v1 API."""

from typing import Any, Generic, TypeVar

import msgspec
from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from gateway.access.authentication import Authentication
from gateway.access.credentials import Caller
from gateway.access.models import RateLimited
from gateway.api.models import WorkflowSummary
from gateway.runs.logs import UsageReports
from gateway.web.bodies import Wire, raw_json
from gateway.web.errors import message_of, retry_headers, status_of
from gateway.web.rate_limit_headers import RateLimitHeaders
from gateway.web.routes import CountedAccess, Limits, answers, limits_block, route_class_for
from gateway.workflows.deployment import GateRefused
from gateway.workflows.endpoints import Endpoints
from shared.clock import Clock, epoch_ms, iso
from shared.errors import FlowportError, InvalidRequest
from shared.web.struct_bodies import StructResponse


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


T = TypeVar("T")


class InputField(Wire):
    """Field declared by the start block."""

    name: str
    type: str
    description: str | None = None


class WorkflowDetail(WorkflowSummary):
    """Workflow with its inputs."""

    variables: dict[str, Any]
    inputs: list[InputField]


class Limited(Wire, Generic[T]):
    """Answer, and the caller's limits."""

    data: T
    limits: Limits


class WorkflowList(Wire):
    data: list[WorkflowSummary]
    next_cursor: str | None = None
    limits: Limits


class ErrorAnswer(Wire):
    """Error of a failed call."""

    error: str
    details: list[Any] | dict[str, Any] | None = None
    message: str | None = None
    retry_after: int | None = Field(None, description="Time to retry, in epoch milliseconds.")
