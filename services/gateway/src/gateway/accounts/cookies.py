"""Session cookie: hidden from scripts, and not sent with changes from other sites."""

from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from gateway.access.domain.credentials import presented_session, session_cookie


class SessionCookie:
    """Session cookie for this public URL."""

    def __init__(self, public_url: str) -> None:
        self._is_secure = public_url.startswith("https://")
        self._name = session_cookie(public_url)

    def read(self, request: Request) -> str | None:
        """Return the browser's token."""
        return presented_session(request.headers, self._name)

    def set(self, response: Response, token: str, *, now: datetime, expires_at: datetime) -> None:
        """Set the cookie."""
        seconds = max(0, round((expires_at - now).total_seconds()))
        response.set_cookie(
            self._name, token, max_age=seconds, path="/", httponly=True, samesite="lax", secure=self._is_secure
        )

    def clear(self, response: Response) -> None:
        """Clear the cookie."""
        response.delete_cookie(self._name, path="/", httponly=True, samesite="lax", secure=self._is_secure)
