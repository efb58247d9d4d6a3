"""Routers with the legacy API's error format, which features use as well."""

from typing import Final

from fastapi import APIRouter

from gateway.http.error_status import present_error
from gateway.http.routes import route_class_for
from gateway.http.schemas import Error, answers

AUTHORING: Final = (400, 401, 403, 404, 503)
"""Error statuses of routes that read and change workflows."""
WORKSPACE: Final = (400, 401, 403, 404, 409, 413, 429, 503)
"""Error statuses of routes that manage a workspace."""


def legacy_router(tag: str, *statuses: int, prefix: str = "") -> APIRouter:
    """Return a router whose routes document the error statuses `statuses`."""
    route_class = route_class_for(present_error)
    return APIRouter(prefix=prefix, route_class=route_class, tags=[tag], responses=answers(Error, *statuses))
