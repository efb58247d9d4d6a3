"""API keys in the gateway's database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError

from gateway.access.domain.credentials import ApiKey, Credential, Grant, Scope
from gateway.access.domain.membership import Role
from gateway.access.store import AccountStore, WorkspaceStore
from shared.errors import Conflict
from shared.store.client import Document, Store, store_call
from shared.store.documents import document_of, struct_of
from shared.store.indexes import Index, ascending
from shared.store.transactions import Session, transact

API_KEYS: Final = "api_keys"
MAX_LISTED: Final = 1000
APPROVES: Final = "approves"
"""Whether a key has the approve scope. Stored apart from `scopes`, where earlier gateways refuse unknown ones."""
_FULL: Final = frozenset({Scope.EXECUTE, Scope.READ, Scope.WRITE, Scope.DEPLOY})
"""Scopes of a key without the field that could do everything except administer: it keeps its approvals."""

INDEXES: Final = (
    Index(API_KEYS, ascending("key_hash"), unique=True),
    Index(API_KEYS, ascending("workspace_id", "user_id", "name"), unique=True, partial={"holds_name": True}),
    Index(API_KEYS, ascending("user_id")),
)


class KeyStore:
    """Implements Keys. A key reserves its name until it is revoked or replaced."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._api_keys = store.collection(API_KEYS)
        self._grants = WorkspaceStore(store)
        self._owners = AccountStore(store)

    @store_call
    async def find(self, key_hash: str) -> Credential | None:
        document = await self._api_keys.find_one({"key_hash": key_hash})
        if document is None:
            return None
        key = to_key(document)
        if key.workspace_id is None:
            return await self._personal(key)
        workspace = await self._grants.workspace(key.workspace_id)
        return None if workspace is None else Credential(key, (Grant(workspace, Role.ADMIN),))

    @store_call
    async def record_uses(self, uses: Mapping[str, datetime]) -> None:
        writes = [UpdateOne({"_id": key_id}, {"$max": {"last_used_at": at}}) for key_id, at in uses.items()]
        await self._api_keys.bulk_write(writes, ordered=False)

    @store_call
    async def has_keys(self, workspace_id: str) -> bool:
        return await self._api_keys.find_one({"workspace_id": workspace_id}, {"_id": 1}) is not None

    @store_call
    async def add_key(self, key: ApiKey) -> None:
        try:
            await self._api_keys.insert_one(stored_key(key))
        except DuplicateKeyError:
            raise Conflict("An API key with this name already exists") from None

    @store_call
    async def key(self, key_id: str) -> ApiKey | None:
        document = await self._api_keys.find_one({"_id": key_id})
        return None if document is None else to_key(document)

    @store_call
    async def keys_of(self, *, workspace_id: str | None, user_id: str | None) -> Sequence[ApiKey]:
        owner: Document = {"workspace_id": workspace_id, "user_id": user_id, "revoked_at": None}
        found = [to_key(document) async for document in self._api_keys.find(owner).limit(MAX_LISTED)]
        return sorted(found, key=lambda key: (key.created_at, key.id), reverse=True)

    @store_call
    async def change_key(self, key_id: str, changes: Mapping[str, Any]) -> ApiKey | None:
        held = {"_id": key_id, "revoked_at": None}
        try:
            await self._api_keys.update_one(held, {"$set": dict(changes)})
        except DuplicateKeyError:
            raise Conflict("An API key with this name already exists") from None
        document = await self._api_keys.find_one(held)
        return None if document is None else to_key(document)

    @store_call
    async def replace_key(self, old: ApiKey, retired: ApiKey, new: ApiKey) -> bool:
        known, left = _mutable_fields(old), _mutable_fields(retired)

        async def replace(session: Session) -> bool:
            held = {"_id": old.id, **known}
            if (await self._api_keys.update_one(held, {"$set": left}, session=session)).matched_count == 0:
                return False
            await self._api_keys.insert_one(stored_key(new), session=session)
            return True

        return await transact(self._store, replace)

    @store_call
    async def revoke_key(self, key_id: str, at: datetime) -> bool:
        held = {"_id": key_id, "revoked_at": None}
        result = await self._api_keys.update_one(held, {"$set": {"revoked_at": at, "holds_name": False}})
        return result.matched_count == 1

    async def _personal(self, key: ApiKey) -> Credential | None:
        owner = await self._owners.account(key.user_id or "")
        if owner is None:
            return None
        return Credential(key, await self._grants.grants(owner.user.id), owner.user)


def _mutable_fields(key: ApiKey) -> Document:
    """Return all mutable fields of a key that its successor depends on."""
    names = ("name", "rate_limit", "expires_at", "revoked_at", "holds_name")
    return {name: getattr(key, name) for name in names}


def stored_key(key: ApiKey) -> Document:
    """Return the document of a key."""
    approves = Scope.APPROVE in key.scopes
    return {**document_of(key), "scopes": sorted(key.scopes - {Scope.APPROVE}), APPROVES: approves}


def to_key(document: Document) -> ApiKey:
    """Return the key of a document."""
    key = struct_of(document, ApiKey)
    if document.get(APPROVES, key.scopes >= _FULL):
        return msgspec.structs.replace(key, scopes=key.scopes | {Scope.APPROVE})
    return key
