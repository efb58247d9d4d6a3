"""Routers and route classes: errors in their API generation's format, models as OpenAPI schemas, and fast paths."""

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import cache
from typing import Any, Final

from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.http.bodies import Wire, body_model
from gateway.http.error_status import Present, present_error
from shared.errors import FlowportError
from shared.web.app import client_disconnected

Responses = dict[int | str, dict[str, Any]]
AUTHORING: Final = (400, 401, 403, 404, 503)
"""Error statuses of routes that read and change workflows."""
WORKSPACE: Final = (400, 401, 403, 404, 409, 413, 429, 503)
"""Error statuses of routes that manage a workspace."""


def described(model: type[BaseModel]) -> dict[str, Any]:
    """Return the `openapi_extra` of a route whose body is `model`."""
    return {"requestBody": {"content": content_of(model)}}


def answers(model: type[BaseModel], *statuses: int) -> Responses:
    """Return the `responses` of routes that answer `model` with these statuses, and by default."""
    every: tuple[int | str, ...] = (*statuses, "default")
    return {status: answer(model, _text(model)) for status in every}


def answer(model: type[BaseModel], description: str) -> dict[str, Any]:
    """Return one of `responses`."""
    return {"description": description, "content": content_of(model)}


@cache
def content_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return `model` as self-contained JSON content."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})
    return {"application/json": {"schema": _inlined(schema, parts)}}


def _inlined(value: Any, parts: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_inlined(item, parts) for item in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref")
    if isinstance(reference, str):
        return _inlined(parts[reference.rpartition("/")[2]], parts)
    return {key: _inlined(item, parts) for key, item in value.items()}


def _text(model: type[BaseModel]) -> str:
    return (model.__doc__ or model.__name__).split("\n", 1)[0]


class FieldProblem(Wire):
    """Problem with a field of a request."""

    path: str
    message: str


class Refusal(Wire):
    """Error of an execute call."""

    error: str
    details: list[FieldProblem] | None = None
    code: str | None = None
    execution_id: str | None = None
    message: str | None = None
    retryable: bool | None = None
    retry_after_seconds: int | None = None


class Error(Wire):
    """Error of any other call."""

    error: str
    code: str
    request_id: str
    details: Any = None


Handler = Callable[[Request], Coroutine[Any, Any, Response]]
_AT_END: Final = "at_end"


def route_class_for(present: Present) -> type[APIRoute]:
    """Return a class of FastAPI routes whose errors `present` formats. A body parsed by `json_of` is documented."""

    class PresentingRoute(APIRoute):
        def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
            if options.get("openapi_extra") is None and (model := body_model(endpoint)) is not None:
                options["openapi_extra"] = described(model)
            super().__init__(path, endpoint, **options)

        def get_route_handler(self) -> Handler:
            handle = super().get_route_handler()

            async def presented(request: Request) -> Response:
                try:
                    return await handle(request)
                except FlowportError as error:
                    return present(request, error)

            return presented

    return PresentingRoute


class PlainRoute(APIRoute):
    """Route that calls `endpoint(request)` directly; FastAPI only documents it.

    Dependencies, validation and serialization are skipped. Callbacks of `call_at_end` run after the last byte.
    """

    present: Present

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request without the exit stacks and the second error handler of FastAPI's routes."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        request = Request(scope, receive, send)
        at_end: list[Callable[[], None]] = []
        scope[_AT_END] = at_end
        try:
            try:
                response = await self.endpoint(request)
            except FlowportError as error:
                response = self.present(request, error)
            except ClientDisconnect as error:
                response = client_disconnected(request, error)
            await response(scope, receive, send)
        finally:
            for call in reversed(at_end):
                call()


def plain(present: Present) -> type[APIRoute]:
    """Return a class of plain routes whose errors `present` formats."""
    return type("PlainRoute", (PlainRoute,), {"present": staticmethod(present)})


class DirectRoutes:
    """Middleware that serves POST calls of plain `routes` without the router and the layers before it.

    Until the start is complete, the router refuses them.
    """

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        plain_routes = (route for route in routes if isinstance(route, PlainRoute))
        self._routes = [(route.path_regex, route) for route in plain_routes if "POST" in (route.methods or ())]

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one connection."""
        if scope["type"] == "http" and scope["method"] == "POST" and not scope["app"].state.startup.waits_for:
            for pattern, route in self._routes:
                if (found := pattern.match(scope["path"])) is not None:
                    scope["route"], scope["path_params"] = route, found.groupdict()
                    return route.handle(scope, receive, send)
        return self._app(scope, receive, send)


async def body_of(request: Request) -> bytes:
    """Return the whole body, which can be read only once: faster than the request's own. Raises ClientDisconnect."""
    parts: list[bytes] = []
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def call_at_end(request: Request, call: Callable[[], None]) -> None:
    """Call `call`, which must not raise, once the last byte of the response is sent."""
    request.scope[_AT_END].append(call)


def headers_of(request: Request) -> dict[str, str]:
    """Return headers by lower-case name, the first of each: faster than the request's own."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(request.scope["headers"])}


def legacy_router(tag: str, *statuses: int, prefix: str = "") -> APIRouter:
    """Return a router whose routes document the error statuses `statuses`."""
    route_class = route_class_for(present_error)
    return APIRouter(prefix=prefix, route_class=route_class, tags=[tag], responses=answers(Error, *statuses))
