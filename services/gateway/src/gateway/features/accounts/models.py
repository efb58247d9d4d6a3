"""The bodies of `/api/auth`."""

from typing import Annotated, Any

from pydantic import StringConstraints

from gateway.http.bodies import RequestBody, Wire
from gateway.http.fields import Name, RoleName

Password = Annotated[str, StringConstraints(max_length=1000)]


class SignInBody(RequestBody):
    """Who wants to come in."""

    email: Annotated[str, StringConstraints(min_length=1, max_length=320)]
    password: Password


class ChangePasswordBody(RequestBody):
    """The present password and the next one, of 8 characters or more."""

    current_password: Password
    new_password: Password


class UserRow(Wire):
    """A person."""

    id: str
    email: str
    name: str
    created_at: str


class SignedInAnswer(Wire):
    user: UserRow


class SessionRow(Wire):
    """A stay; its token is nobody's business."""

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
    """Why it was refused."""

    code: str
    message: str
    details: Any = None


class TokenBody(RequestBody):
    """What stands behind `#` in the link."""

    token: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class AcceptBody(TokenBody):
    """The link's token, and who comes; nobody need say so who is signed in."""

    email: Annotated[str, StringConstraints(max_length=320)] | None = None
    name: Name | None = None
    password: Annotated[str, StringConstraints(max_length=1000)] | None = None


class InvitationLook(Wire):
    """What a link leads to."""

    workspace_id: str
    workspace_name: str
    email: str | None
    role: RoleName
    expires_at: str
