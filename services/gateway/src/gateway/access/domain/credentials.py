"""Who calls, and what the key that was shown allows."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from gateway.access.domain.errors import (
    AccessDenied,
    LimitedKey,
    MissingScope,
    NoWorkspace,
    PersonalKeysForbidden,
    WrongWorkflow,
    WrongWorkspace,
)
from gateway.access.domain.people import Role, User
from gateway.access.domain.plans import PlanName
from shared.contracts.files import FileKey, FileScope


class Scope(StrEnum):
    """What a caller may do."""

    EXECUTE = "execute"
    READ = "read"
    WRITE = "write"
    DEPLOY = "deploy"
    APPROVE = "approve"
    """Answer the pauses of runs."""
    ADMIN = "admin"


ALL_SCOPES: Final = frozenset(Scope)
ROLE_SCOPES: Final = {
    Role.READ: frozenset({Scope.EXECUTE, Scope.READ}),
    Role.WRITE: frozenset({Scope.EXECUTE, Scope.READ, Scope.WRITE, Scope.APPROVE}),
    Role.ADMIN: ALL_SCOPES,
}
_ROLE_FOR: Final = {
    Scope.EXECUTE: Role.READ,
    Scope.READ: Role.READ,
    Scope.WRITE: Role.WRITE,
    Scope.APPROVE: Role.WRITE,
}
SESSION_COOKIE: Final = "flowport_session"
SECURE_COOKIE: Final = f"__Host-{SESSION_COOKIE}"
"""The name where the public URL is https: browsers then hold it to this very host."""


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is kept: never the key itself. It belongs to a workspace or, as a personal key, to a user."""

    id: str
    workspace_id: str | None
    user_id: str | None = None
    name: str
    key_hash: str
    display: str
    scopes: frozenset[Scope]
    created_by: str
    created_at: datetime
    last_used_at: datetime | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    rate_limit: int | None = None
    """Calls of each kind per window; None where only the workspace's limits hold."""
    workflow_ids: tuple[str, ...] | None = None
    """The workflows that it is for; None for all."""
    holds_name: bool = True
    """Whether no other key of its owner may have its name; one that was revoked or replaced lets go of it."""

    def is_good(self, now: datetime) -> bool:
        """Whether it opens anything at `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """The tenant, as far as a call needs to know it."""

    id: str
    name: str
    plan: PlanName
    created_at: datetime
    allow_personal_keys: bool = True


class Grant(msgspec.Struct, frozen=True):
    """A workspace that somebody may enter, and as what."""

    workspace: Workspace
    role: Role


class Credential(msgspec.Struct, frozen=True):
    """A key and what it opens: one workspace, or with a personal key all those of its user."""

    key: ApiKey
    grants: tuple[Grant, ...]
    user: User | None = None


class Caller(msgspec.Struct, frozen=True):
    """Who calls, in one workspace: the holder of a key, somebody who is signed in, or the public."""

    workspace: Workspace
    scopes: frozenset[Scope]
    key: ApiKey | None = None
    address: str | None = None
    """By which a caller without a key is counted."""
    user: User | None = None
    """Whose session or personal key it is."""
    grants: tuple[Grant, ...] = ()
    """Where this user may also go."""
    role: Role | None = None
    """The role of the person who calls, by session or personal key, in this workspace; None for any other caller."""
    session_id: str | None = None
    """The session that was shown, whichever of its tokens."""

    @property
    def key_id(self) -> str | None:
        """Which key was shown."""
        return self.key.id if self.key else None

    @property
    def actor_id(self) -> str:
        """Whom the audit trail names."""
        return self.key.id if self.key else self.user.id if self.user else "public"

    @property
    def actor_name(self) -> str:
        """Who that is to people: the user, or who made the key."""
        return self.user.name if self.user else self.key.created_by if self.key else "public"

    @property
    def called_by(self) -> str | None:
        """Who that is to readers of runs: the key, or who is signed in; None for the public."""
        return self.key.name if self.key else self.user.name if self.user else None

    @property
    def is_public(self) -> bool:
        """Whether nothing was shown."""
        return self.key is None and self.user is None

    @property
    def is_session(self) -> bool:
        """Whether somebody is signed in, in a browser."""
        return self.key is None and self.user is not None

    def may_enter(self, workspace_id: str) -> bool:
        """Whether that workspace is any of this caller's business."""
        return workspace_id == self.workspace.id or any(grant.workspace.id == workspace_id for grant in self.grants)

    def within(self, workspace_id: str) -> "Caller":
        """The same caller in that workspace. Raises WrongWorkspace, AccessDenied, PersonalKeysForbidden."""
        if workspace_id == self.workspace.id:
            return self
        grant = next((grant for grant in self.grants if grant.workspace.id == workspace_id), None)
        if grant is None:
            raise AccessDenied(Role.READ) if self.is_session else WrongWorkspace
        if not takes(grant.workspace, self.key):
            raise PersonalKeysForbidden
        return msgspec.structs.replace(
            self, workspace=grant.workspace, scopes=scopes_within(grant, self.key), role=grant.role
        )

    def may_touch(self, workflow_id: str) -> bool:
        """Whether the key, where it is for some workflows only, is for this one."""
        return self.key is None or self.key.workflow_ids is None or workflow_id in self.key.workflow_ids

    def require_every_workflow(self) -> None:
        """Raises LimitedKey for a key that is for some workflows only: what is about all of them is not for it."""
        if self.key is not None and self.key.workflow_ids is not None:
            raise LimitedKey

    def on(self, workspace_id: str, workflow_id: str) -> "Caller":
        """The same caller on a workflow of that workspace. Raises what `within` raises, WrongWorkflow."""
        caller = self.within(workspace_id)
        if not self.may_touch(workflow_id):
            raise WrongWorkflow
        return caller

    @property
    def file_scope(self) -> FileScope:
        """Which stored files a run of this caller may read; never more than `require_file` allows the caller."""
        if self.is_public:
            return FileScope.RUN
        is_limited = self.key is not None and self.key.workflow_ids is not None
        reads_all = not is_limited and not self.scopes.isdisjoint((Scope.READ, Scope.ADMIN))
        return FileScope.WORKSPACE if reads_all else FileScope.WORKFLOW

    def require_file(self, file: FileKey) -> None:
        """Check that the caller may read a stored file.

        Raises what `on` raises, MissingScope, AccessDenied, LimitedKey.
        """
        caller = self.on(file.workspace_id, file.workflow_id)
        caller.require(Scope.READ, Scope.EXECUTE)
        if not file.is_bound:  # stored by an earlier release: its path may name any workflow
            caller.require_every_workflow()

    def require(self, *one_of: Scope) -> None:
        """Raises MissingScope, or AccessDenied where it is the person who may not. An admin has every scope."""
        enough = (*one_of, Scope.ADMIN)
        if not self.scopes.isdisjoint(enough):
            return
        if self.is_session or (self.key is not None and not effective_scopes(self.key).isdisjoint(enough)):
            raise AccessDenied(_ROLE_FOR.get(one_of[0], Role.ADMIN))
        raise MissingScope(f"API key lacks the {' or '.join(one_of)} scope")

    def require_role(self, *one_of: Scope) -> None:
        """Raise AccessDenied if a person calls whose role has none of these scopes, whatever the key has."""
        if self.role is not None and ROLE_SCOPES[self.role].isdisjoint(one_of):
            raise AccessDenied(_ROLE_FOR.get(one_of[0], Role.ADMIN))

    def require_throughout(self, *one_of: Scope) -> None:
        """As `require`, in the whole workspace. Raises MissingScope, AccessDenied, LimitedKey."""
        self.require(*one_of)
        self.require_every_workflow()


def caller_of(
    grants: tuple[Grant, ...], *, key: ApiKey | None = None, user: User | None = None, session_id: str | None = None
) -> Caller:
    """Who has these grants, in the first of them that takes the key. Raises NoWorkspace, PersonalKeysForbidden."""
    if not grants:
        raise NoWorkspace
    first = next((grant for grant in grants if takes(grant.workspace, key)), None)
    if first is None:
        raise PersonalKeysForbidden
    elsewhere = grants if len(grants) > 1 else ()
    role = first.role if user is not None else None
    return Caller(
        first.workspace,
        scopes_within(first, key),
        key=key,
        user=user,
        grants=elsewhere,
        role=role,
        session_id=session_id,
    )


def takes(workspace: Workspace, key: ApiKey | None) -> bool:
    """Whether the workspace lets such a key in at all: it may want no personal ones."""
    return key is None or key.user_id is None or workspace.allow_personal_keys


def scopes_within(grant: Grant, key: ApiKey | None) -> frozenset[Scope]:
    """What a user may do there, with a key never more than it was made for."""
    role_scopes = ROLE_SCOPES[grant.role]
    return role_scopes if key is None else role_scopes & effective_scopes(key)


def effective_scopes(key: ApiKey) -> frozenset[Scope]:
    """The key's scopes and those they stand for: who deploys may edit, an admin may everything."""
    if Scope.ADMIN in key.scopes:
        return ALL_SCOPES
    return key.scopes | {Scope.WRITE} if Scope.DEPLOY in key.scopes else key.scopes


def session_cookie(public_url: str) -> str:
    """What the cookie of a session is called at this address."""
    return SECURE_COOKIE if public_url.startswith("https://") else SESSION_COOKIE


def presented_session(headers: Mapping[str, str], cookie: str) -> str | None:
    """The session token in the caller's cookies, under this name alone: any host beside ours may set another."""
    for part in headers.get("cookie", "").split(";"):
        name, _, value = part.strip(" \t").partition("=")
        if name == cookie and value:
            return value
    return None


def shows_session_alone(headers: Mapping[str, str]) -> bool:
    """Whether the caller comes as somebody at the console does: with a session and no key, whatever they are worth."""
    shown = (presented_session(headers, cookie) for cookie in (SESSION_COOKIE, SECURE_COOKIE))
    return presented_key(headers) is None and any(shown)


def presented_key(headers: Mapping[str, str]) -> str | None:
    """The key that the caller shows: `x-api-key` first, then a Bearer token; None when there is neither.

    What is shown counts: a wrong `x-api-key` is not made good by a right Bearer token.
    """
    key = headers.get("x-api-key", "").strip()
    if key:
        return key
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return (token.strip() or None) if scheme.lower() == "bearer" else None
