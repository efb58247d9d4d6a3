"""Callers, and the permissions of their keys and sessions."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from gateway.access.models import (
    AccessDenied,
    LimitedKey,
    MissingScope,
    NoWorkspace,
    PersonalKeysForbidden,
    Role,
    User,
    WrongWorkflow,
    WrongWorkspace,
)
from gateway.access.plans import PlanName
from shared.contracts.files import FileKey, FileScope
from shared.errors import Forbidden


class Scope(StrEnum):
    """Permission of a caller."""

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
"""Cookie name for https public URLs: browsers bind it to this host."""


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """Stored API key, without its secret. It belongs to a workspace or, as a personal key, to a user."""

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
    """Calls of each kind per window; None to apply only the workspace's limits."""
    workflow_ids: tuple[str, ...] | None = None
    """Workflows the key is limited to; None for all."""
    holds_name: bool = True
    """Whether the key reserves its name within its owner; revoked or replaced keys release it."""

    def is_valid(self, now: datetime) -> bool:
        """Return whether the key is valid at `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """Tenant, with the fields that a call needs."""

    id: str
    name: str
    plan: PlanName
    created_at: datetime
    allow_personal_keys: bool = True


class Grant(msgspec.Struct, frozen=True):
    """Access to a workspace, with a role."""

    workspace: Workspace
    role: Role


class Credential(msgspec.Struct, frozen=True):
    """Key with its access: one workspace, or for a personal key all workspaces of its user."""

    key: ApiKey
    grants: tuple[Grant, ...]
    user: User | None = None


class Caller(msgspec.Struct, frozen=True):
    """Caller in one workspace: the holder of a key, a signed-in user, or the public."""

    workspace: Workspace
    scopes: frozenset[Scope]
    key: ApiKey | None = None
    address: str | None = None
    """Address that a caller without a key is counted by."""
    user: User | None = None
    """Owner of the session or personal key."""
    grants: tuple[Grant, ...] = ()
    """Workspaces this user has access to."""
    role: Role | None = None
    """Role in this workspace of the user behind the session or personal key; None for other callers."""
    session_id: str | None = None
    """Id of the session, unchanged when its token is renewed."""

    @property
    def actor_id(self) -> str:
        """Return the actor id for the audit log."""
        return self.key.id if self.key else self.user.id if self.user else "public"

    @property
    def actor_name(self) -> str:
        """Return a display name: the user, or the key's creator."""
        return self.user.name if self.user else self.key.created_by if self.key else "public"

    @property
    def called_by(self) -> str | None:
        """Return the caller for run logs: the key, or the signed-in user; None for the public."""
        return self.key.name if self.key else self.user.name if self.user else None

    @property
    def is_public(self) -> bool:
        """Return whether the caller has no credential."""
        return self.key is None and self.user is None

    @property
    def is_session(self) -> bool:
        """Return whether the caller is signed in with a browser."""
        return self.key is None and self.user is not None

    def may_enter(self, workspace_id: str) -> bool:
        """Return whether the caller has access to that workspace."""
        return workspace_id == self.workspace.id or any(grant.workspace.id == workspace_id for grant in self.grants)

    def within(self, workspace_id: str) -> "Caller":
        """Return the same caller in that workspace. Raises WrongWorkspace, AccessDenied, PersonalKeysForbidden."""
        if workspace_id == self.workspace.id:
            return self
        grant = next((grant for grant in self.grants if grant.workspace.id == workspace_id), None)
        if grant is None:
            raise AccessDenied(Role.READ) if self.is_session else WrongWorkspace
        if not accepts_key(grant.workspace, self.key):
            raise PersonalKeysForbidden
        return msgspec.structs.replace(
            self, workspace=grant.workspace, scopes=scopes_within(grant, self.key), role=grant.role
        )

    def covers(self, workflow_id: str) -> bool:
        """Return whether the key covers this workflow."""
        return self.key is None or self.key.workflow_ids is None or workflow_id in self.key.workflow_ids

    def require_every_workflow(self) -> None:
        """Raise LimitedKey for a key limited to some workflows."""
        if self.key is not None and self.key.workflow_ids is not None:
            raise LimitedKey

    def on(self, workspace_id: str, workflow_id: str) -> "Caller":
        """Return the same caller on a workflow of that workspace. Raises what `within` raises, WrongWorkflow."""
        caller = self.within(workspace_id)
        if not self.covers(workflow_id):
            raise WrongWorkflow
        return caller

    @property
    def file_scope(self) -> FileScope:
        """Return which stored files a run of this caller may read; never more than `require_file` allows."""
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
        """Require a scope. Raises MissingScope, or AccessDenied if the user lacks it. An admin has every scope."""
        enough = (*one_of, Scope.ADMIN)
        if not self.scopes.isdisjoint(enough):
            return
        if self.is_session or (self.key is not None and not effective_scopes(self.key).isdisjoint(enough)):
            raise AccessDenied(_ROLE_FOR.get(one_of[0], Role.ADMIN))
        raise MissingScope(f"API key lacks the {' or '.join(one_of)} scope")

    def require_role(self, *one_of: Scope) -> None:
        """Raise AccessDenied for a user whose role has none of these scopes, whatever the key has."""
        if self.role is not None and ROLE_SCOPES[self.role].isdisjoint(one_of):
            raise AccessDenied(_ROLE_FOR.get(one_of[0], Role.ADMIN))

    def require_throughout(self, *one_of: Scope) -> None:
        """Require a scope in the whole workspace. Raises MissingScope, AccessDenied, LimitedKey."""
        self.require(*one_of)
        self.require_every_workflow()


def caller_of(
    grants: tuple[Grant, ...], *, key: ApiKey | None = None, user: User | None = None, session_id: str | None = None
) -> Caller:
    """Return the caller in the first grant that accepts the key. Raises NoWorkspace, PersonalKeysForbidden."""
    if not grants:
        raise NoWorkspace
    first = next((grant for grant in grants if accepts_key(grant.workspace, key)), None)
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


def accepts_key(workspace: Workspace, key: ApiKey | None) -> bool:
    """Return whether the workspace accepts the key: it may forbid personal ones."""
    return key is None or key.user_id is None or workspace.allow_personal_keys


def scopes_within(grant: Grant, key: ApiKey | None) -> frozenset[Scope]:
    """Return the user's scopes in the workspace, limited to the scopes of the key."""
    role_scopes = ROLE_SCOPES[grant.role]
    return role_scopes if key is None else role_scopes & effective_scopes(key)


def effective_scopes(key: ApiKey) -> frozenset[Scope]:
    """Return the key's scopes with implied ones: `deploy` implies `write`, `admin` implies all."""
    if Scope.ADMIN in key.scopes:
        return ALL_SCOPES
    return key.scopes | {Scope.WRITE} if Scope.DEPLOY in key.scopes else key.scopes


def session_cookie(public_url: str) -> str:
    """Return the session cookie's name at this address."""
    return SECURE_COOKIE if public_url.startswith("https://") else SESSION_COOKIE


def presented_session(headers: Mapping[str, str], cookie: str) -> str | None:
    """Return the session token from the cookie of this name only: sibling hosts can set other cookies."""
    for part in headers.get("cookie", "").split(";"):
        name, _, value = part.strip(" \t").partition("=")
        if name == cookie and value:
            return value
    return None


def shows_session_alone(headers: Mapping[str, str]) -> bool:
    """Return whether the request has a session and no key, as from the console; validity is not checked."""
    shown = (presented_session(headers, cookie) for cookie in (SESSION_COOKIE, SECURE_COOKIE))
    return presented_key(headers) is None and any(shown)


def presented_key(headers: Mapping[str, str]) -> str | None:
    """Return the caller's key: `x-api-key` first, then a Bearer token; None without either.

    A wrong `x-api-key` never falls back to a Bearer token.
    """
    key = headers.get("x-api-key", "").strip()
    if key:
        return key
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return (token.strip() or None) if scheme.lower() == "bearer" else None


def signed_in(caller: Caller) -> User:
    """Return the signed-in user. Raises Forbidden for keys."""
    if caller.user is None or not caller.is_session:
        raise Forbidden("Forbidden")
    return caller.user


def require_admin(caller: Caller, workflow_id: str | None = None) -> None:
    """Require an admin of the workspace, or of a workflow in it. Raises Forbidden."""
    if Scope.ADMIN not in caller.scopes:
        raise Forbidden("Forbidden")
    if workflow_id is None:
        caller.require_every_workflow()
    else:
        caller.on(caller.workspace.id, workflow_id)
