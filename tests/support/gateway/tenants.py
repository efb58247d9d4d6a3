"""The store of workspaces, people and keys, in memory."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from tests.support.gateway.clock import NOON
from tests.support.gateway.erasures import FakeErasures
from tests.support.gateway.people import FakeAccounts, FakeWorkspaces

from gateway.access.credentials import ALL_SCOPES, ApiKey, Credential, Grant, Scope, Workspace
from gateway.access.models import Role, Session, User
from gateway.access.plans import PlanName
from shared.errors import Conflict, Unavailable
from shared.security.api_keys import hash_key, mask_key, new_key

WORKSPACE = Workspace(id="WS1", name="First", plan=PlanName.FREE, created_at=NOON)

OTHER = Workspace(id="WS2", name="Second", plan=PlanName.PRO, created_at=NOON)


class FakeTenants(FakeWorkspaces, FakeAccounts, FakeErasures):
    """Implements TenantDatabase."""

    def __init__(self) -> None:
        FakeWorkspaces.__init__(self, WORKSPACE, OTHER)
        FakeAccounts.__init__(self)
        FakeErasures.__init__(self)
        self.keys: dict[str, ApiKey] = {}
        self.uses: list[str] = []
        self.finds = 0
        self.may_find = asyncio.Event()
        self.may_find.set()
        self.is_down = False

    async def start(self) -> None:
        """Open nothing."""

    async def stop(self) -> None:
        """Close nothing."""

    async def ping(self) -> None:
        self._check()

    async def find(self, key_hash: str) -> Credential | None:
        self._check()
        self.finds += 1
        await self.may_find.wait()
        key = self.keys.get(key_hash)
        if key is None:
            return None
        if key.workspace_id is not None:
            return Credential(key, (Grant(self.workspaces[key.workspace_id], Role.ADMIN),))
        owner = self.accounts.get(key.user_id or "")
        return None if owner is None else Credential(key, await self.grants(owner.user.id), owner.user)

    async def workspace(self, workspace_id: str) -> Workspace | None:
        self._check()
        return self.workspaces.get(workspace_id)

    async def session(self, token_hash: str) -> Session | None:
        self._check()
        return await FakeAccounts.session(self, token_hash)

    async def record_uses(self, uses: Mapping[str, datetime]) -> None:
        self._check()
        self.uses += uses

    async def has_keys(self, workspace_id: str) -> bool:
        return any(key.workspace_id == workspace_id for key in self.keys.values())

    async def add_key(self, key: ApiKey) -> None:
        if any(self._clashes(key, each) for each in self.keys.values()):
            raise Conflict("An API key with this name already exists")
        self.keys[key.key_hash] = key

    async def key(self, key_id: str) -> ApiKey | None:
        return next((key for key in self.keys.values() if key.id == key_id), None)

    async def keys_of(self, *, workspace_id: str | None, user_id: str | None) -> Sequence[ApiKey]:
        owned = [key for key in self.keys.values() if (key.workspace_id, key.user_id) == (workspace_id, user_id)]
        return [key for key in reversed(owned) if key.revoked_at is None]

    async def change_key(self, key_id: str, changes: Mapping[str, Any]) -> ApiKey | None:
        found = await self.key(key_id)
        if found is None or found.revoked_at is not None:
            return None
        changed = msgspec.structs.replace(found, **changes)
        if any(self._clashes(changed, each) for each in self.keys.values() if each.id != key_id):
            raise Conflict("An API key with this name already exists")
        self.keys[found.key_hash] = changed
        return changed

    async def replace_key(self, old: ApiKey, retired: ApiKey, new: ApiKey) -> bool:
        if self.keys[old.key_hash] != old:
            return False
        self.keys[old.key_hash] = retired
        await self.add_key(new)
        return True

    async def revoke_key(self, key_id: str, at: datetime) -> bool:
        found = await self.key(key_id)
        if found is None or found.revoked_at is not None:
            return False
        self.keys[found.key_hash] = msgspec.structs.replace(found, revoked_at=at)
        return True

    def _clashes(self, new: ApiKey, known: ApiKey) -> bool:
        owners = (new.workspace_id, new.user_id, new.name) == (known.workspace_id, known.user_id, known.name)
        return owners and known.revoked_at is None and known.holds_name

    def issue(
        self,
        workspace: Workspace = WORKSPACE,
        scopes: frozenset[Scope] = ALL_SCOPES,
        *,
        expires_at: datetime | None = None,
        rate_limit: int | None = None,
        workflow_ids: tuple[str, ...] | None = None,
    ) -> str:
        clear = new_key()
        key = ApiKey(
            id=f"key{len(self.keys)}",
            workspace_id=workspace.id,
            name=f"k{len(self.keys)}",
            key_hash=hash_key(clear),
            display=mask_key(clear),
            scopes=scopes,
            created_by="someone",
            created_at=NOON,
            expires_at=expires_at,
            rate_limit=rate_limit,
            workflow_ids=workflow_ids,
        )
        self.keys[key.key_hash] = key
        return clear

    def issue_personal(self, user: User, scopes: frozenset[Scope] = ALL_SCOPES) -> str:
        """Add a key with its user's permissions, unless `scopes` are fewer."""
        clear = self.issue(scopes=scopes)
        key = msgspec.structs.replace(self.keys[hash_key(clear)], workspace_id=None, user_id=user.id)
        self.keys[key.key_hash] = key
        return clear

    def revoke(self, clear: str) -> None:
        key_hash = hash_key(clear)
        self.keys[key_hash] = msgspec.structs.replace(self.keys[key_hash], revoked_at=NOON)

    def _check(self) -> None:
        if self.is_down:
            raise Unavailable("mongodb://secret-host is unavailable")
