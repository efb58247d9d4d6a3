"""HTTP transport of the MCP client, over the guarded network."""

import asyncio
from typing import Final

import httpx2

from shared.net import OutboundClient, OutboundError, OutboundRequest

MAX_SESSION_BYTES: Final = 16 * 1024 * 1024
"""Limit for a server's data in one session: its pages of tools are stored, and so is each part of a broken stream."""
RECONNECT_SECONDS: Final = 1.0
"""Delay before a broken stream is resumed. A server may request a shorter delay and break the stream again."""
SESSION_CLOSE_SECONDS: Final = 2.0
"""Time to end a session. The answer has already arrived."""
_HOP_BY_HOP: Final = frozenset({"connection", "content-encoding", "content-length", "host", "transfer-encoding"})
_METHOD_NOT_ALLOWED: Final = 405


class OutboundTransport(httpx2.AsyncBaseTransport):
    """Transport of one session. Responses are read completely, even event streams, which end with the answer.

    The stream of unsolicited server messages is never opened. `problem` says, for the workflow's author, why the last
    message had no usable answer.
    """

    def __init__(self, outbound: OutboundClient, workspace_id: str, timeout_seconds: float) -> None:
        self._outbound = outbound
        self._workspace_id = workspace_id
        self._timeout_seconds = timeout_seconds
        self._bytes_left = MAX_SESSION_BYTES
        self.problem: str | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Make one call. Raises httpx2.ConnectError."""
        if request.method == "GET":
            if "last-event-id" not in request.headers:
                return httpx2.Response(_METHOD_NOT_ALLOWED)
            await asyncio.sleep(RECONNECT_SECONDS)
        try:
            response = await self._outbound.send(
                OutboundRequest(
                    request.method,
                    str(request.url),
                    _forwarded_headers(request.headers),
                    await request.aread() or None,
                    SESSION_CLOSE_SECONDS if request.method == "DELETE" else self._timeout_seconds,
                    self._workspace_id,
                )
            )
        except OutboundError as error:
            self.problem = error.message
            raise httpx2.ConnectError(error.message, request=request) from error
        self._bytes_left -= len(response.body)
        if self._bytes_left < 0:
            self.problem = f"The MCP server sent more than {MAX_SESSION_BYTES} bytes"
            raise httpx2.ConnectError(self.problem, request=request)
        if request.method == "POST":
            self.problem = f"HTTP {response.status} {response.reason}".rstrip() if response.status >= 400 else None
        headers = _forwarded_headers(response.headers)
        if "content-type" in headers:  # the protocol is UTF-8: a charset could name any of Python's codecs
            headers["content-type"] = headers["content-type"].partition(";")[0]
        return httpx2.Response(response.status, headers=headers, content=response.body)


def _forwarded_headers(headers: httpx2.Headers | dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}
