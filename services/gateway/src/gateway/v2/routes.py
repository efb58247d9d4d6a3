"""Routers and access of the v2 API."""

from fastapi import APIRouter
from starlette.requests import Request

from gateway.access.domain.credentials import Caller
from gateway.v2.errors import present_error
from gateway.v2.models import ErrorAnswer
from gateway.web.routes import CountedAccess, answers, route_class_for


def v2_router(*statuses: int, prefix: str = "") -> APIRouter:
    """Return a router of the v2 API whose routes document the error statuses `statuses`."""
    route_class = route_class_for(present_error)
    return APIRouter(prefix=prefix, route_class=route_class, tags=["v2"], responses=answers(ErrorAnswer, *statuses))


class V2Access(CountedAccess):
    """Access that stops key guessing before guesses cost anything."""

    async def caller(self, request: Request) -> Caller:
        await self._rate_limits.count_address(request)
        return await super().caller(request)
