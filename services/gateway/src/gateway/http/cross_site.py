"""Cross-site request protection for sessions."""

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Scope

from gateway.access.domain.credentials import shows_session_alone

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
