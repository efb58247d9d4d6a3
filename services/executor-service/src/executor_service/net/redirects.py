"""What a redirect makes of a request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from executor_service.net.errors import BlockedAddress
from executor_service.net.urls import NOT_HTTPS, Target, read_redirect

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MAY_TURN_POST_INTO_GET: Final = frozenset({301, 302})
_SEE_OTHER: Final = 303
_TOLD_TO_STRANGERS: Final = frozenset(
    {"accept", "accept-language", "cache-control", "content-language", "content-type", "range", "user-agent"}
)
"""All that another origin is told: any other header may hold a key, whatever its name."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One request of a call. Header names are lower case."""

    target: Target
    method: str
    headers: Mapping[str, str]
    body: bytes | None


def is_redirect(status: int, headers: Mapping[str, str]) -> bool:
    """Whether the answer is to ask somewhere else."""
    return status in _REDIRECTS and "location" in headers


def redirected(hop: Hop, status: int, location: str) -> Hop:
    """The next request. Raises BlockedAddress."""
    target = read_redirect(hop.target, location)
    if hop.target.scheme == "https" and target.scheme == "http":
        raise BlockedAddress(NOT_HTTPS)
    headers = hop.headers
    if target.origin != hop.target.origin:
        headers = {name: value for name, value in headers.items() if name in _TOLD_TO_STRANGERS}
    if not _becomes_get(hop.method, status):
        return Hop(target, hop.method, headers, hop.body)
    return Hop(target, "GET", {name: value for name, value in headers.items() if not name.startswith("content-")}, None)


def _becomes_get(method: str, status: int) -> bool:
    if status == _SEE_OTHER:
        return method != "HEAD"
    return status in _MAY_TURN_POST_INTO_GET and method == "POST"
