"""Route classes: errors in their API generation's format, and no overhead on hot paths."""

from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway import metrics
from gateway.http.bodies import body_model
from gateway.http.schemas import described
from shared.errors import FlowportError

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Present = Callable[[Request, FlowportError], Response]
"""Formats an error for one API generation."""


def counting_refusals(present: Present) -> Present:
    """Return the presenter with a refusal metric, for endpoints that run workflows."""

    def counted(request: Request, error: FlowportError) -> Response:
        metrics.count_refusal(error)
        return present(request, error)

    return counted


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


def plain(present: Present) -> type[APIRoute]:
    """Return a class of routes that call `endpoint(request)` directly; FastAPI only documents them.

    Dependencies, validation and serialization are skipped. The contexts entered into `request_stack(request)` exit
    after the last byte.
    """

    class PlainRoute(APIRoute):
        async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
            """Serve a request without the exit stacks and the second error handler of FastAPI's routes."""
            if scope["method"] not in (self.methods or ()):
                await super().handle(scope, receive, send)
                return
            request = Request(scope, receive, send)
            with ExitStack() as stack:
                scope["held"] = stack
                try:
                    response = await self.endpoint(request)
                except FlowportError as error:
                    response = present(request, error)
                await response(scope, receive, send)

    return PlainRoute


def request_stack(request: Request) -> ExitStack:
    """Return the contexts that this request holds until its last byte is sent."""
    stack: ExitStack = request.scope["held"]
    return stack


def headers_of(request: Request) -> dict[str, str]:
    """Return headers by lower-case name, the first of each: faster than the request's own."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(request.scope["headers"])}
