"""Routers and access of the v1 API."""

import msgspec
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from gateway.access.authentication import Authentication
from gateway.access.domain.credentials import Caller
from gateway.runs.logs import UsageReports
from gateway.v1.errors import present_error
from gateway.v1.models import ErrorAnswer
from gateway.web.bodies import raw_json
from gateway.web.rate_limit_headers import RateLimitHeaders
from gateway.web.routes import CountedAccess, Limits, answers, limits_block, route_class_for
from gateway.workflows.endpoints import Endpoints
from shared.clock import Clock
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
