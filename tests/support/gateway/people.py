"""Workspaces, accounts and passwords in memory."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.access.credentials import Grant, Workspace
from gateway.access.models import Account, Invitation, Member, Role, Session, Team, User
from shared.contracts.audit import AuditEntry, AuditPage, AuditQuery
from shared.contracts.deployments import EnvironmentName, EnvironmentNames, SetEnvironmentValue
from shared.errors import Conflict, NotFound, Unavailable


class FakeWorkspaces:
    """Implements Workspaces."""

    def __init__(self, *workspaces: Workspace) -> None:
        self.workspaces = {workspace.id: workspace for workspace in workspaces}
        self.teams = {workspace.id: Team(workspace_id=workspace.id, revision=1, members=()) for workspace in workspaces}
        self.are_teams_stuck = False
        self.kept_invitations: dict[str, Invitation] = {}
        self.accounts: dict[str, Account] = {}

    async def create_first(self, workspace: Workspace, admin: Account) -> tuple[Workspace, str]:
        first = next(iter(self.workspaces.values()), workspace)
        known = next(iter(self.accounts.values()), admin)
        self.workspaces[first.id] = first
        self.accounts[known.user.id] = known
        if first.id not in self.teams or not self.teams[first.id].members:
            self.join(first.id, known.user.id, Role.ADMIN)
        return first, known.user.id

    async def add_workspace(self, workspace: Workspace, team: Team) -> None:
        self.workspaces[workspace.id] = workspace
        self.teams[workspace.id] = team

    async def update_workspace(self, workspace_id: str, changes: dict[str, Any]) -> Workspace:
        self.workspaces[workspace_id] = msgspec.structs.replace(self.workspaces[workspace_id], **changes)
        return self.workspaces[workspace_id]

    async def grants(self, user_id: str) -> tuple[Grant, ...]:
        roles = [(self.workspaces[team.workspace_id], team.role_of(user_id)) for team in self.teams.values()]
        return tuple(Grant(workspace, role) for workspace, role in roles if role is not None)

    async def team(self, workspace_id: str) -> Team:
        if workspace_id not in self.teams:
            raise NotFound("Workspace not found")
        return self.teams[workspace_id]

    async def replace_team(self, team: Team) -> bool:
        if self.are_teams_stuck:
            raise Unavailable("the store is unavailable")
        if self.teams[team.workspace_id].revision != team.revision - 1:
            return False
        self.teams[team.workspace_id] = team
        return True

    async def add_invitation(self, invitation: Invitation) -> None:
        self.kept_invitations[invitation.id] = invitation

    async def invitation(self, token_hash: str) -> Invitation | None:
        return next((each for each in self.kept_invitations.values() if each.token_hash == token_hash), None)

    async def invitations(self, workspace_id: str) -> Sequence[Invitation]:
        return [each for each in self.kept_invitations.values() if each.workspace_id == workspace_id]

    async def admit(self, team: Team, invitation_id: str, now: datetime) -> bool:
        found = self.kept_invitations[invitation_id]
        if not found.is_open(now):
            raise NotFound("Invitation not found")
        if not await self.replace_team(team):
            return False
        self.kept_invitations[invitation_id] = msgspec.structs.replace(found, used_at=now)
        return True

    async def withdraw_invitation(self, workspace_id: str, invitation_id: str) -> bool:
        found = self.kept_invitations.get(invitation_id)
        if found is None or found.workspace_id != workspace_id:
            return False
        del self.kept_invitations[invitation_id]
        return True

    def join(self, workspace_id: str, user_id: str, role: Role) -> None:
        """Add a member without checking the rules."""
        team = self.teams.get(workspace_id) or Team(workspace_id=workspace_id, revision=1, members=())
        since = self.workspaces[workspace_id].created_at
        members = (*team.members, Member(user_id=user_id, role=role, since=since))
        self.teams[workspace_id] = msgspec.structs.replace(team, members=members, revision=team.revision + 1)


class FakeAccounts:
    """Implements Accounts."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.sessions: dict[str, Session] = {}
        self.rotated: set[str] = set()
        self.attempts: dict[str, int] = {}

    async def add_account(self, account: Account) -> None:
        if await self.account_by_email(account.user.email) is not None:
            raise Conflict("An account with this email address already exists")
        self.accounts[account.user.id] = account

    async def account_by_email(self, email: str) -> Account | None:
        return next((each for each in self.accounts.values() if each.user.email == email), None)

    async def account(self, user_id: str) -> Account | None:
        return self.accounts.get(user_id)

    async def users(self, user_ids: list[str]) -> Sequence[User]:
        return [self.accounts[user_id].user for user_id in user_ids if user_id in self.accounts]

    async def set_password(self, user_id: str, password_hash: str, *, only_if_none: bool = False) -> bool:
        account = self.accounts[user_id]
        if only_if_none and account.password_hash is not None:
            return False
        self.accounts[user_id] = msgspec.structs.replace(account, password_hash=password_hash)
        return True

    async def add_session(self, session: Session) -> None:
        self.sessions[session.token_hash] = session

    async def session(self, token_hash: str) -> Session | None:
        return self.sessions.get(token_hash)

    async def session_with_id(self, session_id: str) -> Session | None:
        found = [each for each in self.sessions.values() if each.id == session_id]
        return max(found, key=lambda each: each.expires_at, default=None)

    async def rotate_session(self, old_hash: str, renewed: Session, *, old_until: datetime) -> bool:
        if old_hash in self.rotated:
            return False
        self.rotated.add(old_hash)
        self.sessions[old_hash] = msgspec.structs.replace(self.sessions[old_hash], expires_at=old_until)
        self.sessions[renewed.token_hash] = renewed
        return True

    async def end_session(self, session_id: str) -> Sequence[str]:
        return self._end([key for key, each in self.sessions.items() if each.id == session_id])

    async def end_sessions(self, user_id: str, *, but: str | None = None) -> Sequence[str]:
        kept = [key for key, each in self.sessions.items() if each.user_id == user_id and each.id != but]
        return self._end(kept)

    async def count_attempt(self, key: str, *, window_ends: datetime, by: int = 1) -> int:
        self.attempts[key] = self.attempts.get(key, 0) + by
        return self.attempts[key]

    async def forget_attempts(self, key: str) -> None:
        self.attempts.pop(key, None)

    def _end(self, hashes: list[str]) -> list[str]:
        for each in hashes:
            del self.sessions[each]
        return hashes


class PlainPasswords:
    """Implements Passwords without hashing; counts the checks."""

    def __init__(self) -> None:
        self.checks = 0
        self._held: asyncio.Event | None = None

    def hold_next(self) -> asyncio.Event:
        """Return an event that ends the next check; real checks take time."""
        self._held = asyncio.Event()
        return self._held

    async def hash(self, password: str, *, address: str | None = None) -> str:
        return f"hash of {password}"

    async def verify(self, password: str, password_hash: str | None, *, address: str | None = None) -> bool:
        self.checks += 1
        held, self._held = self._held, None
        if held is not None:
            await held.wait()
        return password_hash == f"hash of {password}"


class FakeAudit:
    """Implements AuditEntries."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []

    async def add(self, *entries: AuditEntry) -> None:
        self.entries += entries

    async def find(self, query: AuditQuery) -> AuditPage:
        found = [
            entry
            for entry in self.entries
            if entry.workspace_id == query.workspace_id
            and (query.before is None or entry.place < query.before)
            and query.action in (None, entry.action)
            and query.actor_id in (None, entry.actor.id)
            and query.target_id in (None, entry.target_id)
        ]
        shown = sorted(found, key=lambda entry: entry.place, reverse=True)[: query.limit]
        return AuditPage(shown, shown[-1].place if len(shown) < len(found) else None)


class FakeEnvironment:
    """Implements Environment; stores the values, which no caller can read."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, SetEnvironmentValue]] = {}

    async def value_names(self, place: str) -> EnvironmentNames:
        held = self.values.get(place, {})
        at = datetime(2026, 11, 24, tzinfo=UTC)
        return EnvironmentNames(tuple(EnvironmentName(name, at, held[name].actor_id) for name in sorted(held)))

    async def set_value(self, place: str, name: str, value: SetEnvironmentValue) -> None:
        self.values.setdefault(place, {})[name] = value

    async def delete_value(self, place: str, name: str) -> None:
        if self.values.get(place, {}).pop(name, None) is None:
            raise NotFound("Environment value not found")
