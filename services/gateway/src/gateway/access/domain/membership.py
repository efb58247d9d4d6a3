"""Who belongs to a workspace. There is always an admin."""

from datetime import datetime, timedelta
from typing import Final, Self

import msgspec

from gateway.access.domain.people import Role
from shared.errors import Conflict, InvalidRequest, NotFound

MAX_MEMBERS: Final = 1000
MAX_INVITATIONS: Final = 1000
INVITATION_LIFE: Final = timedelta(days=7)


class LastAdmin(Conflict):
    """Somebody must be able to let others in."""

    code = "LAST_ADMIN"

    def __init__(self) -> None:
        super().__init__("A workspace needs at least one admin")


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A person in a workspace."""

    user_id: str
    role: Role
    since: datetime


class Team(msgspec.Struct, frozen=True, kw_only=True):
    """The members of one workspace; `revision` is what a change must name to replace it."""

    workspace_id: str
    revision: int
    members: tuple[Member, ...]

    def role_of(self, user_id: str) -> Role | None:
        """What the person is here, None for strangers."""
        return next((member.role for member in self.members if member.user_id == user_id), None)

    def joined_by(self, user_id: str, role: Role, now: datetime) -> Self:
        """With one more. Raises Conflict for who is there already, InvalidRequest when there is no room."""
        if self.role_of(user_id) is not None:
            raise Conflict("Already a member of this workspace")
        if len(self.members) >= MAX_MEMBERS:
            raise InvalidRequest(f"A workspace has at most {MAX_MEMBERS} members")
        return self._with((*self.members, Member(user_id=user_id, role=role, since=now)))

    def with_role(self, user_id: str, role: Role) -> Self:
        """With another role for one of them. Raises NotFound, LastAdmin."""
        self._require(user_id)
        return self._with(
            tuple(
                msgspec.structs.replace(member, role=role) if member.user_id == user_id else member
                for member in self.members
            )
        )

    def without(self, user_id: str) -> Self:
        """With one less. Raises NotFound, LastAdmin."""
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
    """A link that lets one person in, once."""

    id: str
    workspace_id: str
    token_hash: str
    role: Role
    created_by: str
    created_at: datetime
    expires_at: datetime
    email: str | None = None
    """For whom it is, where only one person may use it."""
    used_at: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        """Whether it still lets somebody in."""
        return self.used_at is None and now < self.expires_at
