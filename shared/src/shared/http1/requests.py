"""Serialized requests."""

from collections.abc import Iterable
from typing import Final

import httpx2

_FRAMED_BY_US: Final = frozenset({b"content-length", b"transfer-encoding", b"connection"})
_CONTROLS: Final = (b"\r", b"\n", b"\0")


def request_bytes(
    method: bytes, target: bytes, headers: Iterable[tuple[bytes, bytes]], body: bytes, *, has_length: bool
) -> bytes:
    """Return head and body; the head has the length if there is a body, or `has_length`.

    Raises httpx2.LocalProtocolError for a line break in a header: an API key may contain any text.
    """
    lines = [b"%b %b HTTP/1.1" % (method, target)]
    for name, value in headers:
        if any(control in value for control in _CONTROLS):
            raise httpx2.LocalProtocolError(f"The header {name.decode('latin-1')} contains a line break")
        if name.lower() not in _FRAMED_BY_US:
            lines.append(b"%b: %b" % (name, value))
    if body or has_length:
        lines.append(b"content-length: %d" % len(body))
    return b"\r\n".join((*lines, b"", body))
