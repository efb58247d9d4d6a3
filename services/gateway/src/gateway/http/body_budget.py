"""How much of request bodies this process holds at once."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.access.domain.limit_errors import AdmissionClosed

SMALL_BYTES: Final = 64 * 1024
"""A body up to here always has room: the gate bounds their number, and few words are not refused for others' files."""


class BodyBudget:
    """Counts large bodies until their requests are answered, and refuses what would make them more than `limit` bytes.

    What has come counts, not what was announced: nobody keeps others out without sending. Like `BodyLimit` it refuses
    when a body is read, not before.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit
        self._in_hand = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or _announced(scope) <= SMALL_BYTES:
            await self._app(scope, receive, send)
            return
        come = 0

        async def counted() -> Message:
            nonlocal come
            message = await receive()
            size = len(message.get("body", b""))
            if self._in_hand + size > self._limit and come + size > SMALL_BYTES:
                raise AdmissionClosed
            come += size
            self._in_hand += size
            return message

        try:
            await self._app(scope, counted, send)
        finally:
            self._in_hand -= come


def _announced(scope: Scope) -> float:
    """The length of the body that follows, in bytes; without end where it comes in chunks."""
    length = b"0"
    for name, value in scope["headers"]:
        if name == b"content-length":
            length = value
        elif name == b"transfer-encoding":
            return float("inf")
    return float(length) if length.isdigit() else float("inf")
