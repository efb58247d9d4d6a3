"""Origins of requests: CORS, cross-site requests, request ids."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Scope

from gateway.access.credentials import shows_session_alone
from shared.ids import new_request_id

_NAME = "request_id"


def assign_request_id(scope: Scope) -> str:
    """Assign and return the request's id."""
    request_id = scope[_NAME] = new_request_id()
    return request_id


def request_id_of(scope: Scope) -> str:
    """Return the request's id."""
    return str(scope.get(_NAME, ""))


_COMMON: Final = (
    "X-CSRF-Token, X-Requested-With, Accept, Accept-Version, Content-Length, Content-MD5, Content-Type, Date, "
    "X-Api-Version, X-API-Key"
)
_EXPOSED: Final = (
    "Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Id, X-Run-Id, "
    "X-Execution-Id, RateLimit, RateLimit-Policy, Idempotent-Replayed"
)
RawHeaders = Sequence[tuple[bytes, bytes]]


def _raw(headers: Mapping[str, str]) -> RawHeaders:
    return tuple((name.encode(), value.encode()) for name, value in headers.items())


PREFLIGHT: Final = _raw({"access-control-max-age": "86400"})

_LEGACY_EXECUTE: Final = _raw(
    {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "GET,POST,OPTIONS,PUT",
        "access-control-allow-headers": (
            f"{_COMMON}, Authorization, X-Execution-Id, X-Execution-Mode, X-Execution-Timeout-Seconds, "
            "X-Stream-Response, X-Sim-Stream-Protocol, X-Workflow-Version, Idempotency-Key, "
            "X-Callback-Url"
        ),
        "access-control-expose-headers": _EXPOSED,
    }
)
_V2_EXECUTE: Final = _raw(
    {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "POST,OPTIONS",
        "access-control-allow-headers": (
            f"{_COMMON}, Authorization, X-Run-Id, X-Sim-Stream-Protocol, X-Workflow-Version, "
            "Idempotency-Key, X-Callback-Url"
        ),
        "access-control-expose-headers": _EXPOSED,
    }
)

_A2A: Final = _raw(
    {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "GET,POST,OPTIONS",
        "access-control-allow-headers": f"{_COMMON}, Authorization, A2A-Version, A2A-Extensions",
        "access-control-expose-headers": _EXPOSED,
    }
)

_OPEN: Final = (
    (re.compile(r"/api/workflows/[^/]+/execute"), _LEGACY_EXECUTE),
    (re.compile(r"/api/v2/workflows/[^/]+/execute"), _V2_EXECUTE),
    (re.compile(r"/api/a2a/serve/[^/]+(/\.well-known/agent-card\.json)?"), _A2A),
)


def rules_for(path: str, public_url: str) -> RawHeaders | None:
    """Return the headers for `path`; None if other origins have no access."""
    if not path.startswith("/api/"):
        return None
    return (_cached_rules if len(path) <= CACHED_PATH else _rules)(path, public_url)


def _rules(path: str, public_url: str) -> RawHeaders:
    return next((rules for pattern, rules in _OPEN if pattern.fullmatch(path)), None) or _own_origin(public_url)


CACHED_PATH: Final = 256
"""Maximum length of a cached path: callers choose paths, and a head may have 64 KiB."""
_cached_rules: Final = lru_cache(maxsize=1024)(_rules)


@lru_cache(maxsize=8)
def _own_origin(public_url: str) -> RawHeaders:
    return _raw(
        {
            "access-control-allow-origin": public_url,
            "access-control-allow-credentials": "true",
            "access-control-allow-methods": "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS",
            "access-control-allow-headers": f"{_COMMON}, Authorization",
            "access-control-expose-headers": _EXPOSED,
            "vary": "Origin",
        }
    )


SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
SIGN_IN: Final = ("/api/auth/", "/api/invitations/")
"""Paths that create sessions: another site could sign a visitor in as another user without any cookie."""


class CrossSiteRules:
    """Rules that refuse cross-site requests with a session cookie and no key.

    Browsers send `Sec-Fetch-Site` with every request, `Origin` with every one that may change something. A user who
    follows a link to us is admitted: only that user sees the page.
    """

    def __init__(self, public_url: str, trusted_origins: tuple[str, ...] = ()) -> None:
        self._own = _origin_of(public_url)
        self._trusted = frozenset(trusted_origins)

    def refuse(self, scope: Scope) -> bool:
        """Return whether to refuse an HTTP request."""
        return _is_of_interest(scope) and self._is_foreign(Request(scope))

    def _is_foreign(self, request: Request) -> bool:
        headers = request.headers
        if not shows_session_alone(headers) and not request.url.path.startswith(SIGN_IN):
            return False
        origin = headers.get("origin")
        if origin in self._trusted:
            return False
        is_safe = request.method in SAFE
        if any(site.strip().lower() == "cross-site" for site in headers.getlist("sec-fetch-site")):
            return not (is_safe and _is_followed_link(headers))
        return not is_safe and origin not in (None, self._own) and not _is_own(origin, headers.get("host", ""))


def _is_of_interest(scope: Scope) -> bool:
    """Return False for nearly all calls of programs, which have no cookies."""
    return b"cookie" in dict(scope["headers"]) or scope["path"].startswith(SIGN_IN)


def _is_followed_link(headers: Headers) -> bool:
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"


def _is_own(origin: str, host: str) -> bool:
    return bool(host) and origin.partition("://")[2] == host


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
