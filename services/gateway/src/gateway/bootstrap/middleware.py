"""Middleware of every request, as pure ASGI: request id, cross-origin rules, final error handler."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.bootstrap.fallback_errors import error_response
from gateway.http import cors
from gateway.http.rate_limit_headers import limit_headers
from gateway.http.request_id import assign_request_id
from gateway.runs.domain.errors import CallerDisconnected
from shared.observe.logging import get_logger
from shared.observe.plain_structlog import structlog

REQUEST_ID: Final = b"x-request-id"
log = get_logger("middleware")


class HeadGuard:
    """Guard that answers HEAD as GET, without the body. Event streams end at their start: no client reads them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                if (b"content-type", b"text/event-stream") in message["headers"]:
                    await send({"type": "http.response.body"})
                    raise CallerDisconnected
            elif not message.get("more_body"):
                await send({"type": "http.response.body"})

        as_get = {**scope, "method": "GET"}
        try:
            await self._app(as_get, receive, without_body)
        finally:
            scope["route"] = as_get.get("route")  # for metrics


class RequestGuard:
    """Guard that assigns request ids, answers unhandled errors and sends rate limit headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = assign_request_id(scope)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = False

        async def with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                limits = await limit_headers(scope)
                message["headers"] = [*message["headers"], (REQUEST_ID, request_id.encode()), *limits]
            await send(message)

        try:
            await self._app(scope, receive, with_id)
        except Exception:
            log.exception("request_failed", path=scope["path"])
            if started:
                raise
            await error_response(Request(scope), 500, "Internal server error")(scope, receive, with_id)


class CorsGuard:
    """Guard that answers preflights and sends CORS headers."""

    def __init__(self, app: ASGIApp, public_url: str) -> None:
        self._app = app
        self._public_url = public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        rules = cors.rules_for(scope["path"], self._public_url) if scope["type"] == "http" else None
        if rules is None:
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS":
            response = Response(status_code=204)
            response.raw_headers = [*rules, *cors.PREFLIGHT]
            await response(scope, receive, send)
            return

        async def with_rules(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *rules]
            await send(message)

        await self._app(scope, receive, with_rules)
