"""One request and its response on a connection."""

from collections.abc import Sequence
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HEADER_RE, HEADER_VALUE_RE, STATUS_LINE, RequestResponseCycle

from shared.web.response_writer import ResponseWriter

Headers = Sequence[tuple[bytes, bytes]]


class ResponseCycle(RequestResponseCycle):
    """Cycle of uvicorn that checks all headers of a response together, and logs no access.

    uvicorn applies two regular expressions to each header. Both search for single forbidden characters, so that they
    find the same in all names, or all values, joined.
    """

    async def send(self, message: Any) -> None:
        """Send a part of the response. Raises RuntimeError for invalid headers, and for a part out of order."""
        if self.response_started or message["type"] != "http.response.start":
            await super().send(message)
            return
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if not self.disconnected:
            self._send_head(message["status"], [*self.default_headers, *message.get("headers", ())])

    def _send_head(self, status: int, headers: Headers) -> None:
        self.response_started = True
        self.waiting_for_100_continue = False
        fields = {name.lower(): value for name, value in reversed(headers)}  # the first value of a repeated header
        if HEADER_RE.search(b"".join(fields)):
            raise RuntimeError("Invalid HTTP header name.")
        if HEADER_VALUE_RE.search(b"".join([value for _, value in headers])):
            raise RuntimeError("Invalid HTTP header value.")
        lines = [b"%b: %b\r\n" % header for header in headers]
        options = b",".join([value for name, value in headers if name.lower() == b"connection"]).lower()
        if options and b"close" in map(bytes.strip, options.split(b",")):
            self.keep_alive = False
        elif not self.keep_alive:
            lines.append(b"connection: close\r\n")
        self._choose_framing(status, fields, lines)
        head = b"".join((STATUS_LINE[status], *lines, b"\r\n"))
        if self.expected_content_length and self.scope["method"] != "HEAD":
            cast("ResponseWriter", self.transport).delay(head)
        else:
            self.transport.write(head)

    def _choose_framing(self, status: int, fields: dict[bytes, bytes], lines: list[bytes]) -> None:
        if fields.get(b"transfer-encoding", b"").lower() == b"chunked":
            self.chunked_encoding = True
        elif self.chunked_encoding is None:
            length = fields.get(b"content-length")
            if length is not None:
                self.chunked_encoding, self.expected_content_length = False, int(length)
            elif self.scope["method"] != "HEAD" and status not in (204, 304):
                self.chunked_encoding = True
                lines.append(b"transfer-encoding: chunked\r\n")
