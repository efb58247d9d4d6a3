"""Users, members, sessions and invitations, and the errors of access control and of limits."""

import math
import re
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

import msgspec

from shared.errors import Conflict, FlowportError, Forbidden, InvalidRequest, NotFound, Unauthenticated
from shared.security.api_keys import hash_key

MIN_PASSWORD: Final = 8


MAX_PASSWORD: Final = 256


_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")


class User(msgspec.Struct, frozen=True, kw_only=True):
    """User with an account."""

    id: str
    email: str
    name: str
    created_at: datetime


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """User and password hash; None for users who cannot sign in yet."""

    user: User
    password_hash: str | None = None


def new_password() -> str:
    """Return a generated password of 120 random bits."""
    return secrets.token_urlsafe(15)


def checked_email(text: str) -> str:
    """Return `text` as stored: trimmed, in lower case. Raises InvalidRequest."""
    email = text.strip().lower()
    if not _EMAIL.fullmatch(email):
        raise InvalidRequest("Invalid email address")
    return email


def checked_password(text: str) -> str:
    """Return a valid new password. Raises InvalidRequest."""
    if len(text) < MIN_PASSWORD:
        raise InvalidRequest(f"Password must have at least {MIN_PASSWORD} characters")
    if len(text) > MAX_PASSWORD:
        raise InvalidRequest(f"Password must have at most {MAX_PASSWORD} characters")
    return text


MAX_MEMBERS: Final = 1000


MAX_INVITATIONS: Final = 1000


INVITATION_LIFE: Final = timedelta(days=7)


class Role(StrEnum):
    """Role of a member: read and run, edit drafts, or administer."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class LastAdmin(Conflict):
    """A workspace must keep an admin."""

    code = "LAST_ADMIN"
    default_message = "A workspace needs at least one admin. Make another member an admin first."


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """User in a workspace."""

    user_id: str
    role: Role
    since: datetime


class Team(msgspec.Struct, frozen=True, kw_only=True):
    """Members of one workspace; a change must name `revision` to replace it."""

    workspace_id: str
    revision: int
    members: tuple[Member, ...]

    def role_of(self, user_id: str) -> Role | None:
        """Return the user's role, None for non-members."""
        return next((member.role for member in self.members if member.user_id == user_id), None)

    def joined_by(self, user_id: str, role: Role, now: datetime) -> Self:
        """Return the team with one more. Raises Conflict for existing members, InvalidRequest if the team is full."""
        if self.role_of(user_id) is not None:
            raise Conflict("Already a member of this workspace")
        if len(self.members) >= MAX_MEMBERS:
            raise InvalidRequest(f"A workspace has at most {MAX_MEMBERS} members")
        return self._with((*self.members, Member(user_id=user_id, role=role, since=now)))

    def with_role(self, user_id: str, role: Role) -> Self:
        """Return the team with a member's new role. Raises NotFound, LastAdmin."""
        self._require(user_id)
        return self._with(
            tuple(
                msgspec.structs.replace(member, role=role) if member.user_id == user_id else member
                for member in self.members
            )
        )

    def without(self, user_id: str) -> Self:
        """Return the team without a member. Raises NotFound, LastAdmin."""
        self._require(user_id)
        return self._with(tuple(member for member in self.members if member.user_id != user_id))

    def _require(self, user_id: str) -> None:
        if self.role_of(user_id) is None:
            raise NotFound("Member not found")

    def _with(self, members: tuple[Member, ...]) -> Self:
        if all(member.role is not Role.ADMIN for member in members):
            raise LastAdmin
        return msgspec.structs.replace(self, members=members, revision=self.revision + 1)


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """Single-use link to join a workspace."""

    id: str
    workspace_id: str
    token_hash: str
    role: Role
    created_by: str
    created_at: datetime
    expires_at: datetime
    email: str | None = None
    """Address of the only user who may accept it, if restricted."""
    used_at: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        """Return whether the invitation can be accepted."""
        return self.used_at is None and now < self.expires_at


SESSION_LIFE: Final = timedelta(days=7)
"""Sessions unused for this long expire."""


SESSION_MAX_LIFE: Final = timedelta(days=30)


ROTATE_AFTER: Final = timedelta(days=1)


ROTATION_GRACE: Final = timedelta(minutes=1)
"""Time for which the old token stays valid, for requests in transit during rotation."""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Session of a signed-in user. Only its token's hash is stored."""

    id: str
    token_hash: str
    user_id: str
    created_at: datetime
    renewed_at: datetime
    expires_at: datetime
    address: str = ""
    user_agent: str = ""

    def is_valid(self, now: datetime) -> bool:
        """Return whether the session is valid."""
        return now < self.expires_at

    def wants_rotation(self, now: datetime) -> bool:
        """Return whether the token is due for rotation."""
        return now - self.renewed_at >= ROTATE_AFTER

    def renewed(self, token: str, now: datetime) -> "Session":
        """Return the session under another token, within its maximum lifetime."""
        end = min(now + SESSION_LIFE, self.created_at + SESSION_MAX_LIFE)
        return msgspec.structs.replace(self, token_hash=hash_key(token), renewed_at=now, expires_at=end)


def new_session(session_id: str, token: str, user: User, now: datetime, *, address: str, user_agent: str) -> Session:
    """Return a session that begins now."""
    return Session(
        id=session_id,
        token_hash=hash_key(token),
        user_id=user.id,
        created_at=now,
        renewed_at=now,
        expires_at=now + SESSION_LIFE,
        address=address,
        user_agent=user_agent[:300],
    )


def new_token() -> str:
    """Return 256 random bits, for sessions and invitations."""
    return secrets.token_urlsafe(32)


class InvalidKey(Unauthenticated):
    """The key is wrong, expired or revoked; the error does not say which."""

    code = "INVALID_API_KEY"
    default_message = "Invalid API key"


class WrongWorkspace(Forbidden):
    """The key is valid, but the resource belongs to another workspace."""

    code = "WRONG_WORKSPACE"
    default_message = "API key is not authorized for this workspace"


class MissingScope(Forbidden):
    """The key is valid, but lacks the scope."""

    code = "MISSING_SCOPE"


class WrongWorkflow(Forbidden):
    """The key is valid, but limited to other workflows."""

    code = "WRONG_WORKFLOW"
    default_message = "API key is not authorized for this workflow"


class LimitedKey(Forbidden):
    """The key is limited to some workflows, but the request concerns the whole workspace."""

    code = "LIMITED_KEY"
    default_message = "API key is limited to some workflows of this workspace"


class PersonalKeysForbidden(Forbidden):
    """The workspace forbids personal keys."""

    code = "PERSONAL_KEYS_FORBIDDEN"
    default_message = "Personal API keys are not allowed for this workspace"


class AccessDenied(Forbidden):
    """The member's role is insufficient, or the user is not a member."""

    code = "ACCESS_DENIED"

    def __init__(self, role: Role) -> None:
        super().__init__(f"Unauthorized: Access denied to {role} this workflow")


class NoWorkspace(Forbidden):
    """The user is no longer a member of a workspace."""

    code = "NO_WORKSPACE"
    default_message = "Not a member of any workspace"


class AccessEnded(Unauthenticated):
    """The caller lost access while it read a stream or waited for a result."""

    code = "ACCESS_ENDED"
    default_message = "Access ended: the key, session or permission behind this call is no longer valid"


class SignInRefused(Unauthenticated):
    """The account or password is wrong; the error does not say which."""

    code = "INVALID_EMAIL_OR_PASSWORD"
    default_message = "Invalid email or password"


class AdmissionClosed(FlowportError):
    """This process handles its maximum number of calls."""

    code = "ADMISSION_GATE_CAPACITY"
    retryable = True
    default_message = "Server is at capacity. Please retry shortly."

    def __init__(self) -> None:
        super().__init__(retry_after=5)


class TooManyStreams(AdmissionClosed):
    """The caller, or the run, has the maximum of open event streams."""

    code = "TOO_MANY_STREAMS"
    default_message = "Too many event streams are open. Close one and retry."


class TooManyAttempts(FlowportError):
    """Too many sign-ins for one account or from one address."""

    code = "TOO_MANY_ATTEMPTS"
    retryable = True

    def __init__(self, retry_after: int) -> None:
        super().__init__("Too many requests. Please try again later.", retry_after=retry_after)


class UsageLimitExceeded(FlowportError):
    """The workspace has reached its monthly spend cap."""

    code = "USAGE_LIMIT_EXCEEDED"

    def __init__(self, spent_usd: float, cap_usd: float) -> None:
        super().__init__(
            f"Usage limit exceeded: ${spent_usd:.2f} used of ${cap_usd:.2f} limit. "
            "Please upgrade your plan or raise your usage limit to continue."
        )


class RateLimited(FlowportError):
    """The caller exceeded its rate limit; the bucket refills at `resets_at`."""

    code = "RATE_LIMIT_EXCEEDED"
    retryable = True

    def __init__(self, now: datetime, resets_in: float) -> None:
        super().__init__("Rate limit exceeded. Please try again later.", retry_after=max(1, math.ceil(resets_in)))
        self.resets_at = now + timedelta(seconds=resets_in)
