"""Request and response headers of outbound calls."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from shared.net.errors import OutboundFailed, ResponseTooLarge
from shared.net.messages import OutboundLimits

USER_AGENT: Final = "Flowport/1.0"
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNSENDABLE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_CONNECTION_HEADERS: Final = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that the connection sets: the author's values are dropped."""
_REFUSED_METHODS: Final = frozenset({"CONNECT", "TRACE", "TRACK"})


def sendable_method(method: str) -> str:
    """Return the method in upper case. Raises OutboundFailed."""
    upper = method.strip().upper()
    if not _TOKEN.fullmatch(upper) or upper in _REFUSED_METHODS:
        raise OutboundFailed("this method is not allowed")
    return upper


def sendable_headers(given: Mapping[str, str], limits: OutboundLimits) -> dict[str, str]:
    """Return the author's headers with lower-case names, without those of the connection. Raises OutboundFailed."""
    headers = {"user-agent": USER_AGENT, "accept": "*/*"}
    for name, value in given.items():
        if not _TOKEN.fullmatch(name) or _UNSENDABLE.search(value):
            raise OutboundFailed(f"header cannot be sent: {name[:100]!r}")
        if name.lower() not in _CONNECTION_HEADERS:
            headers[name.lower()] = value.strip()
    if len(headers) > limits.headers or _size(headers.items()) > limits.header_bytes:
        raise OutboundFailed("Request headers are too large")
    return headers


def response_headers(raw: Iterable[tuple[bytes, bytes]], limits: OutboundLimits) -> dict[str, str]:
    """Return headers with lower-case names, values of one name joined. Raises ResponseTooLarge."""
    pairs = [(name.decode("ascii").lower(), _text(value)) for name, value in raw]
    if len(pairs) > limits.headers or _size(pairs) > limits.header_bytes:
        raise ResponseTooLarge("Response headers are too large")
    headers: dict[str, str] = {}
    for name, value in pairs:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _size(pairs: Iterable[tuple[str, str]]) -> int:
    return sum(len(name) + len(value) for name, value in pairs)


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
