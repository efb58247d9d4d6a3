"""Checks of a request's head and body before the application sees them.

The parser (llhttp) checks the grammar. These rules decide how long a body is, so that a connection can count every byte
that belongs to a head, a chunk size or a trailer, and refuse what RFC 9112 forbids and the parser accepts.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Final

import msgspec
from starlette.types import Receive, Scope, Send

HEADER_FIELDS: Final = 128
CHUNK_LINE_BYTES: Final = 256
"""Longest chunk-size line, with its extensions."""
CHUNK_EXCESS_BYTES: Final = 16 * 1024
"""Limit of all bytes in a body's chunk-size lines beyond the sizes themselves."""
TRAILER_BYTES: Final = 8 * 1024

_SIZE_DIGITS: Final = 16
_LINE_END: Final = b"\r\n"
_HEAD_END: Final = b"\r\n\r\n"
_NO_CARRIAGE_RETURN: Final = re.compile(rb"[^\r]\n")
_SLASH: Final = 0x2F
_HOST_BYTES: Final = 300
_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?[ \t]*")
_ABSOLUTE: Final = re.compile(rb"(https?)://([^/?#]*)/", re.IGNORECASE)
_DEFAULT_PORT: Final = {b"http": b":80", b"https": b":443"}
_VERSIONS: Final = ("1.1", "1.0")
_CHECKED_HEADERS: Final = frozenset({b"host", b"content-length", b"transfer-encoding", b"expect"})


@dataclass(frozen=True)
class Refusal:
    """ASGI application that answers a request with an error only."""

    status: HTTPStatus
    message: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""
        body = msgspec.json.encode({"error": self.message, "code": self.status.name})
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": self.status.value, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class RequestRefused(Exception):
    """The request breaks a rule of HTTP, or a bound of this server."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.refusal = Refusal(status, message)


MALFORMED: Final = Refusal(HTTPStatus.BAD_REQUEST, "Invalid HTTP request")
HEAD_TOO_LARGE: Final = Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "Request header fields are too large")
HEAD_TOO_SLOW: Final = Refusal(HTTPStatus.REQUEST_TIMEOUT, "The request headers did not arrive in time")


class HeadBuffer:
    """Finds the end of a request head, which may arrive in pieces, and bounds its size."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._part = bytearray()

    @property
    def has_begun(self) -> bool:
        """Return whether a part of a head has arrived."""
        return bool(self._part)

    def advance(self, data: bytes, start: int) -> tuple[bytes | None, int]:
        """Return the head that begins or continues at `start`, and where it ends in `data`.

        The head is None while it is incomplete. Raises RequestRefused.
        """
        known = len(self._part)
        if known:
            self._part += data[start : start + self._limit + 1 - known]
            end = self._part.find(_HEAD_END, max(0, known - len(_HEAD_END)))
            size = len(self._part) if end < 0 else end + len(_HEAD_END)
        else:
            end = data.find(_HEAD_END, start)
            size = (len(data) if end < 0 else end + len(_HEAD_END)) - start
        if size > self._limit:
            raise RequestRefused(HEAD_TOO_LARGE.status, HEAD_TOO_LARGE.message)
        if end >= 0:
            head = bytes(self._part[:size]) if known else data[start : start + size]
            self._part.clear()
            return head, start + size - known
        if not known:
            self._part += data[start:]
        if not 65 <= self._part[0] <= 90 or _NO_CARRIAGE_RETURN.search(self._part, max(0, known - 1)):
            raise RequestRefused(MALFORMED.status, MALFORMED.message)  # no valid head begins so; it may be TLS
        return None, len(data)


class ChunkedBody:
    """Finds the end of a chunked body that arrives in pieces, and bounds everything in it that is not data.

    It finds only boundaries; the parser that gets the same bytes checks their grammar.
    """

    def __init__(self) -> None:
        self.is_complete = False
        self._line = b""
        self._data_left = 0
        self._excess = 0
        self._trailer_bytes: int | None = None

    def advance(self, data: bytes, start: int) -> int:
        """Return where the part of `data` from `start` that belongs to this body ends. Raises RequestRefused."""
        while start < len(data) and not self.is_complete:
            if self._data_left:
                taken = min(self._data_left, len(data) - start)
                self._data_left -= taken
                start += taken
            else:
                start = self._take_line(data, start)
        return start

    def _take_line(self, data: bytes, start: int) -> int:
        limit = CHUNK_LINE_BYTES if self._trailer_bytes is None else TRAILER_BYTES - self._trailer_bytes
        known = len(self._line)
        line = self._line + data[start : start + limit + len(_LINE_END) - known]
        end = line.find(_LINE_END, max(0, known - 1))
        if end < 0 and len(line) < limit + len(_LINE_END):
            self._line = line
            return len(data)
        self._line = b""
        if self._trailer_bytes is None:
            self._begin_chunk(line, end)
        elif end < 0:
            raise RequestRefused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "Request trailers are too large")
        else:
            self._trailer_bytes += end + len(_LINE_END)
            self.is_complete = end == 0
        return start + end + len(_LINE_END) - known

    def _begin_chunk(self, line: bytes, end: int) -> None:
        self._excess += max(0, end - _SIZE_DIGITS)
        if end < 0 or self._excess > CHUNK_EXCESS_BYTES:
            raise RequestRefused(HTTPStatus.BAD_REQUEST, "Chunk extensions are too large")
        digits = line[:end].partition(b";")[0]
        try:
            size = int(digits, 16)
        except ValueError:
            size = -1
        if size < 0:
            raise RequestRefused(HTTPStatus.BAD_REQUEST, "Invalid chunk size")
        if size:
            self._data_left = size + len(_LINE_END)
        else:
            self._trailer_bytes = 0


Framing = int | ChunkedBody
"""Missing bytes of the body, or the state of a chunked body."""


def check_head(version: str, method: bytes, target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> Framing:
    """Return how the body of a request with this head is framed.

    The names in `headers` are lower case, and Content-Length is one valid number: the parser has checked that.
    Raises RequestRefused.
    """
    if len(headers) > HEADER_FIELDS:
        raise RequestRefused(HEAD_TOO_LARGE.status, f"A request may have at most {HEADER_FIELDS} header fields")
    host: bytes | None = None
    framing: Framing = 0
    for name, value in headers:
        if name not in _CHECKED_HEADERS:
            continue
        if name == b"host":
            if host is not None or len(value) > _HOST_BYTES or not _is_host(value):
                raise _bad_request("Host must be given once, as a host name with an optional port")
            host = value
        elif name == b"content-length":
            framing = int(value)
        elif name == b"transfer-encoding":
            if value.rstrip(b" ").lower() != b"chunked" or version == "1.0":  # the parser rejects a trailing tab
                raise _bad_request("Transfer-Encoding must be chunked, over HTTP/1.1")
            framing = ChunkedBody()
        elif _strip(value) != b"100-continue":
            raise RequestRefused(HTTPStatus.EXPECTATION_FAILED, "Expect must be 100-continue")
    if version not in _VERSIONS:
        raise RequestRefused(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "The HTTP version must be 1.1 or 1.0")
    if host is None and version == "1.1":
        raise _bad_request("The Host header is missing")
    if target[0] != _SLASH:
        _check_target(method, target, host)
    return framing


def _check_target(method: bytes, target: bytes, host: bytes | None) -> None:
    if target == b"*" and method == b"OPTIONS":
        return
    found = _ABSOLUTE.match(target)
    if found is None or method == b"CONNECT":
        raise _bad_request("The request target must be a path or an http URL")
    if host is not None:
        default_port = _DEFAULT_PORT[found[1].lower()]
        named, given = (_strip(each).removesuffix(default_port).removesuffix(b":") for each in (found[2], host))
        if named != given:
            raise _bad_request("The host of the request target differs from the Host header")


@lru_cache(maxsize=256)
def _is_host(value: bytes) -> bool:
    return _HOST.fullmatch(value) is not None


def _strip(value: bytes) -> bytes:
    """Return `value` in lower case, without the spaces that the parser leaves at its end."""
    return value.strip(b" \t").lower()


def _bad_request(message: str) -> RequestRefused:
    return RequestRefused(HTTPStatus.BAD_REQUEST, message)
