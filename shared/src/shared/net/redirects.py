"""Redirects of outbound requests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.net.errors import BlockedAddress
from shared.net.urls import NOT_HTTPS, Target, read_redirect

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MAY_TURN_POST_INTO_GET: Final = frozenset({301, 302})
_SEE_OTHER: Final = 303
_CROSS_ORIGIN_HEADERS: Final = frozenset(
    {"accept", "accept-language", "cache-control", "content-language", "content-type", "range", "user-agent"}
)
"""Headers sent to another origin: any other may hold a key, whatever its name."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One request of a call. Header names are lower case."""

    target: Target
    method: str
    headers: Mapping[str, str]
    body: bytes | None


def make_hop(target: Target, method: str, headers: Mapping[str, str], body: bytes | None) -> Hop:
    """Return a request to `target`; user and password of its URL become a header, unless there is one."""
    return Hop(target, method, _with_authorization(target, headers), body)


def is_redirect(status: int, headers: Mapping[str, str]) -> bool:
    """Return whether the response is a redirect."""
    return status in _REDIRECTS and "location" in headers


def next_hop(hop: Hop, status: int, location: str) -> Hop:
    """Return the next request. Raises BlockedAddress."""
    target = read_redirect(hop.target, location)
    if hop.target.scheme == "https" and target.scheme == "http":
        raise BlockedAddress(NOT_HTTPS)
    headers = hop.headers
    if target.origin != hop.target.origin:
        headers = {name: value for name, value in headers.items() if name in _CROSS_ORIGIN_HEADERS}
    if not _becomes_get(hop.method, status):
        return make_hop(target, hop.method, headers, hop.body)
    without_body = {name: value for name, value in headers.items() if not name.startswith("content-")}
    return make_hop(target, "GET", without_body, None)


def _becomes_get(method: str, status: int) -> bool:
    if status == _SEE_OTHER:
        return method != "HEAD"
    return status in _MAY_TURN_POST_INTO_GET and method == "POST"


def _with_authorization(target: Target, headers: Mapping[str, str]) -> Mapping[str, str]:
    return headers if target.authorization is None else {"authorization": target.authorization, **headers}
