"""Members of a workspace, of whom at least one is an admin, and invitations."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

import msgspec

from shared.errors import Conflict, InvalidRequest, NotFound

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
