"""Bodies of `/api/auth`."""

from typing import Annotated, Any

from pydantic import StringConstraints

from gateway.web.bodies import Name, RequestBody, RoleName, Wire

Password = Annotated[str, StringConstraints(max_length=1000)]


class SignInBody(RequestBody):
    """Credentials of a user."""

    email: Annotated[str, StringConstraints(min_length=1, max_length=320)]
    password: Password


class ChangePasswordBody(RequestBody):
    """Current and new password, of 8 characters or more."""

    current_password: Password
    new_password: Password


class UserRow(Wire):
    """User."""

    id: str
    email: str
    name: str
    created_at: str


class SignedInAnswer(Wire):
    user: UserRow


class SessionRow(Wire):
    """Session, without its token."""

    id: str
    user_id: str
    created_at: str
    expires_at: str


class SessionAnswer(Wire):
    session: SessionRow
    user: UserRow


class Success(Wire):
    success: bool = True


class AuthError(Wire):
    """Error of a refused call."""

    code: str
    message: str
    details: Any = None


class TokenBody(RequestBody):
    """Part of the link after `#`."""

    token: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class AcceptBody(TokenBody):
    """Token of the link, and the user's profile unless signed in."""

    email: Annotated[str, StringConstraints(max_length=320)] | None = None
    name: Name | None = None
    password: Annotated[str, StringConstraints(max_length=1000)] | None = None


class InvitationDetails(Wire):
    """Invitation behind a link."""

    workspace_id: str
    workspace_name: str
    email: str | None
    role: RoleName
    expires_at: str
