"""Workspaces and their members."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.access.audit import AuditLog
from gateway.access.credentials import ALL_SCOPES, Caller, Scope, Workspace, require_admin, signed_in
from gateway.access.models import (
    INVITATION_LIFE,
    MAX_INVITATIONS,
    Invitation,
    Member,
    Role,
    Team,
    User,
    checked_email,
    new_token,
)
from gateway.access.plans import PlanName
from gateway.access.sessions import Sessions
from gateway.access.store import AccountStore, WorkspaceStore
from shared.clock import Clock
from shared.errors import Conflict, Forbidden, InvalidRequest, NotFound
from shared.ids import new_id
from shared.optimistic_concurrency import retry_on_conflict
from shared.security.api_keys import hash_key

DEAD_LINK: Final = "This invitation is no longer valid. Ask an admin of the workspace for a new one."


@dataclass(frozen=True, slots=True)
class Profile:
    """Profile for a new account."""

    email: str
    name: str
    password: str


class MemberService:
    """Service that creates workspaces, invites members and changes their roles.

    A permission change returns once no gateway can still cache the old permissions.
    """

    def __init__(
        self,
        workspaces: WorkspaceStore,
        accounts: AccountStore,
        sessions: Sessions,
        audit: AuditLog,
        clock: Clock,
        *,
        plan: PlanName,
        settle: Callable[[], Awaitable[None]],
    ) -> None:
        self._workspaces = workspaces
        self._accounts = accounts
        self._sessions = sessions
        self._audit = audit
        self._clock = clock
        self._plan = plan
        self._settle = settle

    async def make(self, caller: Caller, name: str) -> Workspace:
        """Create a workspace; every gateway then knows the caller as its admin. Raises Forbidden, Unavailable."""
        user = signed_in(caller)
        now = self._clock.now()
        workspace = Workspace(id=new_id(), name=name, plan=self._plan, created_at=now)
        team = Team(workspace_id=workspace.id, revision=0, members=()).joined_by(user.id, Role.ADMIN, now)
        await self._workspaces.add_workspace(workspace, team)
        member_caller = Caller(workspace, ALL_SCOPES, user=user)
        await self._audit.record(member_caller, "workspace.created", target_id=workspace.id, target_name=name)
        await self._settle()
        return workspace

    async def update(self, caller: Caller, changes: dict[str, Any]) -> Workspace:
        """Change the name, or whether personal keys are allowed. Raises Forbidden, Unavailable."""
        require_admin(caller)
        before = caller.workspace
        after = await self._workspaces.update_workspace(before.id, changes)
        await self._audit.record(
            caller,
            "workspace.updated",
            target_id=before.id,
            target_name=after.name,
            before={name: getattr(before, name) for name in changes},
            after=changes,
        )
        await self._settle()
        return after

    async def members(self, caller: Caller) -> Sequence[tuple[Member, User]]:
        """Return all members. Raises Forbidden, Unavailable."""
        caller.require_throughout(Scope.READ)
        team = await self._workspaces.team(caller.workspace.id)
        users = {user.id: user for user in await self._accounts.users([member.user_id for member in team.members])}
        return [(member, users[member.user_id]) for member in team.members if member.user_id in users]

    async def set_role(self, caller: Caller, user_id: str, role: Role) -> None:
        """Raises Forbidden, NotFound, LastAdmin, Unavailable."""
        require_admin(caller)
        before = await self._change(caller.workspace.id, lambda team: team.with_role(user_id, role))
        await self._audit.record(
            caller,
            "member.role_changed",
            target_id=user_id,
            before={"role": before.role_of(user_id)},
            after={"role": role},
        )
        await self._settle()

    async def remove(self, caller: Caller, user_id: str) -> None:
        """Remove another member, or leave. Raises Forbidden, NotFound, LastAdmin, Unavailable."""
        if not (caller.is_session and caller.actor_id == user_id):
            require_admin(caller)
        before = await self._change(caller.workspace.id, lambda team: team.without(user_id))
        await self._audit.record(caller, "member.removed", target_id=user_id, before={"role": before.role_of(user_id)})
        await self._settle()

    async def invite(self, caller: Caller, role: Role, email: str | None) -> tuple[Invitation, str]:
        """Create an invitation, and return it with its token. Raises Forbidden, InvalidRequest, Unavailable.

        The token cannot be read again.
        """
        require_admin(caller)
        if len(await self.invitations(caller)) >= MAX_INVITATIONS:
            raise InvalidRequest(f"The limit of {MAX_INVITATIONS} open invitations is reached. Withdraw one first.")
        token, now = new_token(), self._clock.now()
        invitation = Invitation(
            id=new_id(),
            workspace_id=caller.workspace.id,
            token_hash=hash_key(token),
            role=role,
            email=None if email is None else checked_email(email),
            created_by=caller.actor_name,
            created_at=now,
            expires_at=now + INVITATION_LIFE,
        )
        await self._workspaces.add_invitation(invitation)
        await self._audit.record(
            caller,
            "member.invited",
            target_id=invitation.id,
            target_name=invitation.email or "",
            after={"role": role},
        )
        return invitation, token

    async def invitations(self, caller: Caller) -> Sequence[Invitation]:
        """Return open invitations. Raises Forbidden, Unavailable."""
        require_admin(caller)
        now = self._clock.now()
        found = await self._workspaces.invitations(caller.workspace.id)
        return sorted((each for each in found if each.is_open(now)), key=lambda each: each.created_at)

    async def withdraw(self, caller: Caller, invitation_id: str) -> None:
        """Raises Forbidden, NotFound, Unavailable."""
        require_admin(caller)
        if not await self._workspaces.withdraw_invitation(caller.workspace.id, invitation_id):
            raise NotFound("Invitation not found")
        await self._audit.record(caller, "member.invitation_withdrawn", target_id=invitation_id)

    async def find_invitation(self, token: str) -> tuple[Invitation, Workspace]:
        """Return the invitation behind a link. Raises NotFound, Unavailable."""
        invitation = await self._workspaces.invitation(hash_key(token))
        if invitation is None or not invitation.is_open(self._clock.now()):
            raise NotFound(DEAD_LINK)
        workspace = await self._workspaces.workspace(invitation.workspace_id)
        if workspace is None:
            raise NotFound(DEAD_LINK)
        return invitation, workspace

    async def accept(self, token: str, guest: User | Profile) -> User:
        """Add the holder of the link as a member, with a new account if `guest` has none.

        Raises NotFound, Forbidden (for another user), Conflict (already a member, or the address has an account whose
        owner must sign in first), InvalidRequest, Unavailable.
        """
        invitation, workspace = await self.find_invitation(token)
        email = guest.email if isinstance(guest, User) else checked_email(guest.email)
        if invitation.email not in (None, email):
            raise Forbidden("This invitation is for another email address. Sign in with that address.")
        if isinstance(guest, User):
            team = await self._workspaces.team(workspace.id)
            team.joined_by(guest.id, invitation.role, self._clock.now())
        elif await self._accounts.account_by_email(email) is not None:
            raise Conflict("This address has an account. Sign in, then open the link again.")
        user = guest if isinstance(guest, User) else await self._sessions.register(email, guest.name, guest.password)
        now = self._clock.now()
        try:
            await self._change(
                workspace.id,
                lambda team: team.joined_by(user.id, invitation.role, now),
                lambda team: self._workspaces.admit(team, invitation.id, now),
            )
        except NotFound:
            raise NotFound(DEAD_LINK) from None  # another request accepted it first
        member_caller = Caller(workspace, frozenset(), user=user)
        await self._audit.record(
            member_caller, "member.joined", target_id=user.id, target_name=user.email, after={"role": invitation.role}
        )
        await self._settle()
        return user

    async def _change(
        self,
        workspace_id: str,
        decide: Callable[[Team], Team],
        save: Callable[[Team], Awaitable[bool]] | None = None,
    ) -> Team:
        save = save or self._workspaces.replace_team

        async def write() -> Team | None:
            before = await self._workspaces.team(workspace_id)
            return before if await save(decide(before)) else None

        return await retry_on_conflict(write, conflict="The members were changed concurrently. Try again.")
