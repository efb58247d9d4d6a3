"""API keys: create, list, change, rotate, revoke."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from gateway.access.audit import AuditLog
from gateway.access.credentials import ApiKey, Caller, Scope, require_admin
from gateway.access.sessions import Revocations
from gateway.access.store import KeyStore
from shared.bounded_inserts import BoundedInserts
from shared.clock import Clock, iso
from shared.errors import Conflict, Forbidden, InvalidRequest, NotFound
from shared.ids import new_id
from shared.optimistic_concurrency import retry_on_conflict
from shared.security.api_keys import hash_key, mask_key, new_key

DEFAULT_SCOPES: Final = frozenset({Scope.EXECUTE, Scope.READ})


MAX_KEYS: Final = 500


MISSING: Final = "API key not found"


MAX_OVERLAP: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Owner:
    """Owner of keys: a workspace, or a user for personal ones."""

    workspace_id: str | None = None
    user_id: str | None = None

    @property
    def id(self) -> str:
        """Return the id of the workspace or the user."""
        return self.workspace_id or self.user_id or ""

    @property
    def is_personal(self) -> bool:
        """Return whether the owner is a user."""
        return self.workspace_id is None


@dataclass(frozen=True, slots=True)
class KeySpec:
    """Specification of a new key."""

    name: str
    scopes: frozenset[Scope] = DEFAULT_SCOPES
    workflow_ids: tuple[str, ...] | None = None
    expires_at: datetime | None = None
    rate_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Changed fields; the others stay."""

    name: str | None = None
    rate_limit: int | UnsetType | None = UNSET

    @property
    def fields(self) -> dict[str, Any]:
        """Return only the given fields to write, so that concurrent changes of others survive."""
        named = {} if self.name is None else {"name": self.name}
        return named if self.rate_limit is UNSET else {**named, "rate_limit": self.rate_limit}


class ApiKeys:
    """Service for the keys of one owner. A key in clear is returned only once, at creation."""

    def __init__(self, keys: KeyStore, revocations: Revocations, audit: AuditLog, clock: Clock) -> None:
        self._keys = keys
        self._revocations = revocations
        self._audit = audit
        self._clock = clock
        self._bounded = BoundedInserts()

    async def list(self, owner: Owner) -> Sequence[ApiKey]:
        """Return keys that are not revoked, newest first. Raises Unavailable."""
        return await self._keys.keys_of(workspace_id=owner.workspace_id, user_id=owner.user_id)

    async def make(self, caller: Caller, owner: Owner, spec: KeySpec) -> tuple[ApiKey, str]:
        """Create a key; return it with its clear text. Raises InvalidRequest, Conflict, Unavailable."""
        now = self._clock.now()
        if spec.expires_at is not None and spec.expires_at <= now:
            raise InvalidRequest("expiresAt must be in the future")
        clear = new_key()
        key = ApiKey(
            id=new_id(),
            workspace_id=owner.workspace_id,
            user_id=owner.user_id,
            name=spec.name,
            key_hash=hash_key(clear),
            display=mask_key(clear),
            scopes=spec.scopes,
            workflow_ids=spec.workflow_ids,
            created_by=caller.actor_name,
            created_at=now,
            expires_at=spec.expires_at,
            rate_limit=spec.rate_limit,
        )

        async def count() -> int:
            return len(await self.list(owner))

        async def add() -> ApiKey:
            await self._keys.add_key(key)
            return key

        try:
            added = await self._bounded.insert(
                owner.id, MAX_KEYS, count=count, insert=add, delete=lambda added: self._keys.revoke_key(added.id, now)
            )
        except Conflict:
            raise Conflict(_name_taken(owner, spec.name)) from None
        if added is None:
            raise InvalidRequest(f"The limit of {MAX_KEYS} API keys is reached. Revoke one first.")
        await self._record(caller, "api_key.created", key, after=_audit_facts(key))
        return key, clear

    async def change(self, caller: Caller, owner: Owner, key_id: str, change: Change) -> ApiKey:
        """Change a key on every gateway. Raises NotFound, Conflict, Unavailable."""
        old = await self._own(owner, key_id)
        try:
            key = await self._keys.change_key(key_id, change.fields)
        except Conflict:
            kind = "personal" if owner.is_personal else "workspace"
            raise Conflict(f"A {kind} API key with this name already exists") from None
        if key is None:
            raise NotFound(MISSING)
        await self._revocations.forget([old.key_hash])
        if change.name is not None:
            await self._record(caller, "api_key.renamed", key, before={"name": old.name}, after={"name": key.name})
        if change.rate_limit is not UNSET:
            before, after = ({"rateLimit": each.rate_limit} for each in (old, key))
            await self._record(caller, "api_key.limited", key, before=before, after=after)
            await self._revocations.settle()
        return key

    async def rotate(self, caller: Caller, owner: Owner, key_id: str, overlap: timedelta) -> tuple[ApiKey, str]:
        """Create a key that replaces this one, which stays valid for `overlap`.

        Raises NotFound, InvalidRequest, Unavailable.
        """

        async def write() -> tuple[ApiKey, datetime, ApiKey, str] | None:
            old, now, clear = await self._own(owner, key_id), self._clock.now(), new_key()
            if not old.is_valid(now) or not old.holds_name:
                raise InvalidRequest("An expired or already rotated API key cannot be rotated. Create a new key.")
            until = min(now + overlap, old.expires_at) if old.expires_at else now + overlap
            key = msgspec.structs.replace(
                old,
                id=new_id(),
                key_hash=hash_key(clear),
                display=mask_key(clear),
                created_by=caller.actor_name,
                created_at=now,
                last_used_at=None,
            )
            # Without an overlap it is revoked: a gateway with a slow clock would still accept an expired one.
            retired = msgspec.structs.replace(
                old, expires_at=until, revoked_at=None if overlap else now, holds_name=False
            )
            return (old, until, key, clear) if await self._keys.replace_key(old, retired, key) else None

        too_often = "The API key was changed concurrently. Try again."
        old, until, key, clear = await retry_on_conflict(write, conflict=too_often)
        await self._revocations.forget([old.key_hash])
        before = {"display": old.display, "expiresAt": iso(until)}
        await self._record(caller, "api_key.rotated", old, before=before, after={"id": key.id, "display": key.display})
        if not overlap:
            await self._revocations.settle()
        return key, clear

    async def revoke(self, caller: Caller, owner: Owner, key_ids: Sequence[str]) -> int:
        """Revoke these keys on every gateway; return how many were valid. Raises Unavailable."""
        now, revoked = self._clock.now(), list[ApiKey]()
        for key_id in key_ids:
            key = await self._keys.key(key_id)
            if key is not None and _belongs_to(key, owner) and await self._keys.revoke_key(key_id, now):
                revoked.append(key)
        if revoked:
            await self._revocations.forget(key.key_hash for key in revoked)
            for key in revoked:
                await self._record(caller, "api_key.revoked", key, before=_audit_facts(key))
            await self._revocations.settle()
        return len(revoked)

    async def _record(
        self,
        caller: Caller,
        action: str,
        key: ApiKey,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        await self._audit.record(caller, action, target_id=key.id, target_name=key.name, before=before, after=after)

    async def _own(self, owner: Owner, key_id: str) -> ApiKey:
        key = await self._keys.key(key_id)
        if key is None or key.revoked_at is not None or not _belongs_to(key, owner):
            raise NotFound(MISSING)
        return key


def managed_owner(caller: Caller) -> Owner:
    """Return the caller's workspace, if the caller may manage its keys. Raises Forbidden."""
    require_admin(caller)
    return Owner(workspace_id=caller.workspace.id)


def readable_owner(caller: Caller) -> Owner:
    """Return the caller's workspace, if the caller may list its keys. Raises Forbidden."""
    caller.require_throughout(Scope.READ)
    return Owner(workspace_id=caller.workspace.id)


def personal_owner(caller: Caller) -> Owner:
    """Return the caller as owner. Raises Forbidden for a workspace's key, which has no user."""
    if caller.user is None or not caller.is_session:
        raise Forbidden("Personal API keys can be managed only by their user in a signed-in session")
    return Owner(user_id=caller.user.id)


def _belongs_to(key: ApiKey, owner: Owner) -> bool:
    return (key.workspace_id, key.user_id) == (owner.workspace_id, owner.user_id)


def _audit_facts(key: ApiKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "display": key.display,
        "scopes": sorted(key.scopes),
        "workflowIds": list(key.workflow_ids) if key.workflow_ids is not None else None,
        "expiresAt": iso(key.expires_at) if key.expires_at else None,
        "rateLimit": key.rate_limit,
    }


def _name_taken(owner: Owner, name: str) -> str:
    if owner.is_personal:
        return f'A personal API key named "{name}" already exists. Please choose a different name.'
    return f'A workspace API key named "{name}" already exists. Choose a different name.'
