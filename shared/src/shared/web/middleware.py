"""Boundary guards as pure ASGI: they see every request and buffer nothing."""

import time
from collections.abc import Awaitable
from functools import cache, partial

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import PayloadTooLarge
from shared.observe.metrics import HTTP_REQUESTS, HTTP_SECONDS
from shared.observe.spans import SpanKind, server_span


class TelemetryMiddleware:
    """Joins the caller's trace, so that logs and outgoing calls carry it, and counts and times responses.

    The label of a response is its route template, which bounds the labels.
    """

    def __init__(self, app: ASGIApp, service: str) -> None:
        self._app = app
        self._counter = cache(partial(HTTP_REQUESTS.labels, service))
        self._timer = cache(partial(HTTP_SECONDS.labels, service))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, method = time.perf_counter(), 0, scope["method"]

        def watch(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            return send(message)

        found = dict(scope["headers"]).get(b"traceparent", b"").decode("latin-1")
        try:
            with server_span(found, method, SpanKind.SERVER, http__request__method=method) as span:
                await self._app(scope, receive, watch)
                if span is not None:
                    span.update_name(f"{method} {_route_of(scope)}")
        finally:
            route = _route_of(scope)
            self._counter(method, route, status or 499).inc()
            self._timer(route).observe(time.perf_counter() - began)


def _route_of(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", "unmatched")


class BodyLimitMiddleware:
    """Refuses a body over `limit` bytes while it is read, not before: authentication errors come first.

    Paths that begin with one of `streamed` bound their bodies themselves.
    """

    def __init__(self, app: ASGIApp, limit: int, streamed: tuple[str, ...] = ()) -> None:
        self._app = app
        self._limit = limit
        self._streamed = streamed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["path"].startswith(self._streamed):
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        is_too_large = announced.isdigit() and int(announced) > self._limit
        left = -1 if is_too_large else self._limit

        async def bounded() -> Message:
            nonlocal left
            message: Message = {} if left < 0 else await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise PayloadTooLarge(f"Request body exceeds the maximum size of {self._limit:,} bytes")
            return message

        await self._app(scope, bounded, send)
