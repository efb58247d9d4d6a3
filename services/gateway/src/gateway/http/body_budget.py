"""Memory budget of request bodies in this process."""

from collections.abc import Awaitable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.access.domain.limit_errors import AdmissionClosed

SMALL_BYTES: Final = 64 * 1024
"""Bodies up to this size are always accepted: admission limits their number. Large bodies never block them."""


class BodyBudget:
    """Counter of large bodies in progress; refuses those that exceed `limit` bytes in total.

    Counts received bytes, not announced ones, so that a client can block others only by sending data. Refuses a body
    while it is read, like `BodyLimitMiddleware`.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit
        self._in_flight = 0

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one connection."""
        is_large = scope["type"] == "http" and _announced(scope) > SMALL_BYTES
        return (self._serve_large if is_large else self._app)(scope, receive, send)

    async def _serve_large(self, scope: Scope, receive: Receive, send: Send) -> None:
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            size = len(message.get("body", b""))
            if self._in_flight + size > self._limit and received + size > SMALL_BYTES:
                raise AdmissionClosed
            received += size
            self._in_flight += size
            return message

        try:
            await self._app(scope, counted, send)
        finally:
            self._in_flight -= received


def _announced(scope: Scope) -> float:
    """Return the announced body length in bytes; infinite for chunked bodies."""
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"0")
    return float(length) if length.isdigit() and b"transfer-encoding" not in headers else float("inf")
