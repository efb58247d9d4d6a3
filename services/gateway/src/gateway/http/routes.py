"""How handlers are served: errors in the words of their API generation, and nothing on the hot path but the handler."""

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import ExitStack
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway import metrics
from shared.errors import FlowportError

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Present = Callable[[Request, FlowportError], Response]
"""Turns an error into what one API generation says about it."""


def counting(present: Present) -> Present:
    """The same words, each time counted as a refusal: for the doors that run workflows."""

    def counted(request: Request, error: FlowportError) -> Response:
        metrics.count_refusal(error)
        return present(request, error)

    return counted


def presenting(present: Present) -> type[APIRoute]:
    """The class of ordinary FastAPI routes whose errors are presented by `present`."""

    class PresentingRoute(APIRoute):
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
    """The class of routes that serve `endpoint(request)` as it is; FastAPI only describes them.

    No dependencies are resolved, nothing is validated or serialised. What the endpoint enters into `held(request)` is
    left after the last byte.
    """

    class PlainRoute(APIRoute):
        def get_route_handler(self) -> Handler:
            endpoint = self.endpoint

            async def handle(request: Request) -> Response:
                return _Whole(request, endpoint, present)

            return handle

    return PlainRoute


def held(request: Request) -> ExitStack:
    """What this request holds until its last byte is sent."""
    stack: ExitStack = request.scope["held"]
    return stack


def headers_of(request: Request) -> dict[str, str]:
    """Every header by its name in lower case, the first of each: quicker to ask than the request itself."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(request.scope["headers"])}


class _Whole(Response):
    """Does the work when it is sent."""

    def __init__(self, request: Request, endpoint: Callable[[Request], Awaitable[Response]], present: Present) -> None:
        self._request = request
        self._endpoint = endpoint
        self._present = present

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with ExitStack() as stack:
            scope["held"] = stack
            try:
                response = await self._endpoint(self._request)
            except FlowportError as error:
                response = self._present(self._request, error)
            await response(scope, receive, send)
