"""Middleware of every request, as pure ASGI: HEAD, cross-origin and cross-site rules, request id, error handler."""

from collections.abc import Awaitable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.bootstrap.fallback_errors import error_response
from gateway.http import cors
from gateway.http.cross_site import CrossSiteRules
from gateway.http.rate_limit_headers import limit_headers
from gateway.http.request_id import assign_request_id
from gateway.runs.domain.errors import CallerDisconnected
from shared.observe.logging import get_logger
from shared.observe.plain_structlog import structlog

REQUEST_ID: Final = b"x-request-id"
log = get_logger("middleware")


class RequestGuard:
    """Guard of every request. One layer has all rules: each layer would cost a call several functions.

    It answers preflights, assigns request ids, refuses cross-site requests with a session, answers unhandled errors,
    and adds the headers of cross-origin rules and rate limits. It answers HEAD as GET without the body; event streams
    then end at their start, since no client reads them.
    """

    def __init__(self, app: ASGIApp, public_url: str, cross_site: CrossSiteRules) -> None:
        self._app = app
        self._public_url = public_url
        self._cross_site = cross_site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["method"] == "HEAD":
            await self._serve_head(scope, receive, send)
        else:
            rules = cors.rules_for(scope["path"], self._public_url)
            if rules is not None and scope["method"] == "OPTIONS":
                response = Response(status_code=204)
                response.raw_headers = [*rules, *cors.PREFLIGHT]
                await response(scope, receive, send)
            else:
                await self._serve(scope, receive, send, rules or ())

    async def _serve_head(self, scope: Scope, receive: Receive, send: Send) -> None:
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
            await self(as_get, receive, without_body)
        finally:
            scope["route"] = as_get.get("route")  # for metrics

    async def _serve(self, scope: Scope, receive: Receive, send: Send, rules: cors.RawHeaders) -> None:
        request_id = assign_request_id(scope)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = False

        async def begin(message: Message) -> None:
            nonlocal started
            started = True
            own = await limit_headers(scope)
            message["headers"] = [*message["headers"], (REQUEST_ID, request_id.encode()), *own, *rules]
            await send(message)

        def with_headers(message: Message) -> Awaitable[None]:
            return begin(message) if message["type"] == "http.response.start" else send(message)

        try:
            if self._cross_site.refuse(scope):
                await error_response(Request(scope), 403, "Access denied")(scope, receive, with_headers)
            else:
                await self._app(scope, receive, with_headers)
        except Exception:
            log.exception("request_failed", path=scope["path"])
            if started:
                raise
            await error_response(Request(scope), 500, "Internal server error")(scope, receive, with_headers)
