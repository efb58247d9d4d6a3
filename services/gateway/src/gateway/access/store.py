"""Accounts and workspaces in the gateway's database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError

from gateway.access.credentials import ApiKey, Credential, Grant, Scope, Workspace
from gateway.access.models import Account, Invitation, Member, Role, Session, Team, User
from shared.errors import Conflict, NotFound
from shared.store.client import Document, Store, store_call
from shared.store.documents import document_of, struct_of
from shared.store.indexes import Index, ascending
from shared.store.transactions import Session as Transaction
from shared.store.transactions import transact

USERS: Final = "users"


SESSIONS: Final = "sessions"


ATTEMPTS: Final = "sign_in_attempts"


ACCOUNT_INDEXES: Final = (
    Index(USERS, ascending("email"), unique=True),
    Index(SESSIONS, ascending("user_id")),
    Index(SESSIONS, ascending("id")),
    Index(SESSIONS, ascending("expires_at"), expire_after_seconds=0),
    Index(ATTEMPTS, ascending("expires_at"), expire_after_seconds=0),
)


class AccountStore:
    """Users, their sessions and sign-in attempts."""

    def __init__(self, store: Store) -> None:
        self._users = store.collection(USERS)
        self._sessions = store.collection(SESSIONS)
        self._attempts = store.collection(ATTEMPTS)

    @store_call
    async def add_account(self, account: Account) -> None:
        user = account.user
        try:
            await self._users.insert_one({**document_of(user), "password_hash": account.password_hash})
        except DuplicateKeyError:
            raise Conflict("An account with this email address already exists") from None

    @store_call
    async def account_by_email(self, email: str) -> Account | None:
        document = await self._users.find_one({"email": email})
        return None if document is None else _account(document)

    @store_call
    async def account(self, user_id: str) -> Account | None:
        document = await self._users.find_one({"_id": user_id})
        return None if document is None else _account(document)

    @store_call
    async def users(self, user_ids: list[str]) -> list[User]:
        found = self._users.find({"_id": {"$in": user_ids}}, {"password_hash": 0})
        return [_account(document).user async for document in found]

    @store_call
    async def set_password(self, user_id: str, password_hash: str, *, only_if_none: bool = False) -> bool:
        query = {"_id": user_id, **({"password_hash": None} if only_if_none else {})}
        result = await self._users.update_one(query, {"$set": {"password_hash": password_hash}})
        return result.matched_count == 1

    @store_call
    async def add_session(self, session: Session) -> None:
        await self._sessions.insert_one(document_of(session, key="token_hash"))

    @store_call
    async def session(self, token_hash: str) -> Session | None:
        document = await self._sessions.find_one({"_id": token_hash})
        return None if document is None else struct_of(document, Session, key="token_hash")

    @store_call
    async def session_with_id(self, session_id: str) -> Session | None:
        document = await self._sessions.find_one({"id": session_id}, sort=[("expires_at", -1)])
        return None if document is None else struct_of(document, Session, key="token_hash")

    @store_call
    async def rotate_session(self, old_hash: str, renewed: Session, *, old_until: datetime) -> bool:
        held = {"_id": old_hash, "is_rotated": {"$ne": True}}
        # Insert the renewed session first: a concurrent end of all sessions then finds it, or leaves no old one to
        # mark.
        await self._sessions.insert_one(document_of(renewed, key="token_hash"))
        result = await self._sessions.update_one(held, {"$set": {"is_rotated": True, "expires_at": old_until}})
        if result.matched_count == 0:
            await self._sessions.delete_one({"_id": renewed.token_hash})
        return result.matched_count == 1

    async def end_session(self, session_id: str) -> list[str]:
        return await self._end({"id": session_id})

    async def end_sessions(self, user_id: str, *, but: str | None = None) -> list[str]:
        return await self._end({"user_id": user_id, "id": {"$ne": but}})

    @store_call
    async def count_attempt(self, key: str, *, window_ends: datetime, by: int = 1) -> int:
        counted = {"$inc": {"count": by}, "$setOnInsert": {"expires_at": window_ends}}
        await self._attempts.update_one({"_id": key}, counted, upsert=True)
        document = await self._attempts.find_one({"_id": key})
        return int(document["count"]) if document else by

    @store_call
    async def forget_attempts(self, key: str) -> None:
        await self._attempts.delete_one({"_id": key})

    @store_call
    async def _end(self, which: Document) -> list[str]:
        hashes = [str(document["_id"]) async for document in self._sessions.find(which, {"_id": 1})]
        await self._sessions.delete_many(which)
        return hashes


def _account(document: Document) -> Account:
    return Account(user=struct_of(document, User), password_hash=document.get("password_hash"))


WORKSPACES: Final = "workspaces"


INVITATIONS: Final = "invitations"


FOUNDING: Final = "founding"


MAX_GRANTS: Final = 200


WORKSPACE_INDEXES: Final = (
    Index(WORKSPACES, ascending("members.user_id")),
    Index(INVITATIONS, ascending("workspace_id")),
    Index(INVITATIONS, ascending("token_hash"), unique=True),
    Index(INVITATIONS, ascending("forgotten_at"), expire_after_seconds=0),
)


class WorkspaceStore:
    """Workspaces, their members and invitations."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._workspaces = store.collection(WORKSPACES)
        self._invitations = store.collection(INVITATIONS)
        self._founding = store.collection(FOUNDING)
        self._users = store.collection(USERS)

    @store_call
    async def create_first(self, workspace: Workspace, admin: Account) -> tuple[Workspace, str]:
        user = admin.user
        first: Document = {
            "workspace": document_of(workspace),
            "admin": {**document_of(user), "password_hash": admin.password_hash},
        }
        await self._founding.update_one({"_id": "first"}, {"$setOnInsert": first}, upsert=True)
        stored = await self._founding.find_one({"_id": "first"}) or first
        admin_id, workspace_id = stored["admin"]["_id"], stored["workspace"]["_id"]
        new_user = {"$setOnInsert": _without_id_field(stored["admin"])}
        await self._users.update_one({"_id": admin_id}, new_user, upsert=True)
        await self._workspaces.update_one(
            {"_id": workspace_id}, {"$setOnInsert": _without_id_field(stored["workspace"])}, upsert=True
        )
        member = {"user_id": admin_id, "role": Role.ADMIN.value, "since": stored["workspace"]["created_at"]}
        await self._workspaces.update_one(
            {"_id": workspace_id, "members": {"$exists": False}}, {"$set": {"members": [member], "revision": 1}}
        )
        return await self.workspace(workspace_id) or workspace, str(admin_id)

    @store_call
    async def workspace(self, workspace_id: str) -> Workspace | None:
        document = await self._workspaces.find_one({"_id": workspace_id}, {"members": 0})
        return None if document is None else struct_of(document, Workspace)

    @store_call
    async def add_workspace(self, workspace: Workspace, team: Team) -> None:
        await self._workspaces.insert_one(
            {**document_of(workspace), "revision": team.revision, "members": _members(team)}
        )

    @store_call
    async def update_workspace(self, workspace_id: str, changes: dict[str, Any]) -> Workspace:
        await self._workspaces.update_one({"_id": workspace_id}, {"$set": changes})
        changed = await self.workspace(workspace_id)
        if changed is None:
            raise NotFound("Workspace not found")
        return changed

    @store_call
    async def grants(self, user_id: str) -> tuple[Grant, ...]:
        projection = {"members": {"$elemMatch": {"user_id": user_id}}, **_WORKSPACE_FIELDS}
        found = self._workspaces.find({"members.user_id": user_id}, projection).limit(MAX_GRANTS)
        documents = [document async for document in found]
        documents.sort(key=lambda document: (document["created_at"], document["_id"]))
        return tuple(
            Grant(struct_of(document, Workspace), Role(document["members"][0]["role"])) for document in documents
        )

    @store_call
    async def team(self, workspace_id: str) -> Team:
        document = await self._workspaces.find_one({"_id": workspace_id}, {"members": 1, "revision": 1})
        if document is None:
            raise NotFound("Workspace not found")
        members = msgspec.convert(document.get("members", []), tuple[Member, ...])
        return Team(workspace_id=workspace_id, revision=document.get("revision", 0), members=members)

    @store_call
    async def replace_team(self, team: Team) -> bool:
        return await self._replace_team(team)

    async def _replace_team(self, team: Team, session: Transaction | None = None) -> bool:
        unchanged = {"_id": team.workspace_id, "revision": team.revision - 1}
        change = {"$set": {"members": _members(team), "revision": team.revision}}
        return (await self._workspaces.update_one(unchanged, change, session=session)).matched_count == 1

    @store_call
    async def add_invitation(self, invitation: Invitation) -> None:
        await self._invitations.insert_one({**document_of(invitation), "forgotten_at": invitation.expires_at})

    @store_call
    async def invitation(self, token_hash: str) -> Invitation | None:
        document = await self._invitations.find_one({"token_hash": token_hash})
        return None if document is None else struct_of(document, Invitation)

    @store_call
    async def invitations(self, workspace_id: str) -> list[Invitation]:
        return [struct_of(each, Invitation) async for each in self._invitations.find({"workspace_id": workspace_id})]

    @store_call
    async def admit(self, team: Team, invitation_id: str, now: datetime) -> bool:
        is_open = {"_id": invitation_id, "used_at": None, "expires_at": {"$gt": now}}

        async def join(session: Transaction) -> bool:
            if not await self._replace_team(team, session):
                return False
            used = await self._invitations.update_one(is_open, {"$set": {"used_at": now}}, session=session)
            if used.matched_count == 0:
                raise NotFound("Invitation not found")
            return True

        return await transact(self._store, join)

    @store_call
    async def withdraw_invitation(self, workspace_id: str, invitation_id: str) -> bool:
        result = await self._invitations.delete_one({"_id": invitation_id, "workspace_id": workspace_id})
        return result.deleted_count == 1


_WORKSPACE_FIELDS: Final = {name: 1 for name in Workspace.__struct_fields__ if name != "id"}


def _without_id_field(document: Document) -> Document:
    return {name: value for name, value in document.items() if name != "_id"}


def _members(team: Team) -> list[Document]:
    return [msgspec.structs.asdict(member) for member in team.members]


API_KEYS: Final = "api_keys"


MAX_LISTED: Final = 1000


APPROVES: Final = "approves"
"""Whether a key has the approve scope. Stored apart from `scopes`, where earlier gateways refuse unknown ones."""


_FULL: Final = frozenset({Scope.EXECUTE, Scope.READ, Scope.WRITE, Scope.DEPLOY})
"""Scopes of a key without the field that could do everything except administer: it keeps its approvals."""


KEY_INDEXES: Final = (
    Index(API_KEYS, ascending("key_hash"), unique=True),
    Index(API_KEYS, ascending("workspace_id", "user_id", "name"), unique=True, partial={"holds_name": True}),
    Index(API_KEYS, ascending("user_id")),
)


class KeyStore(AccountStore, WorkspaceStore):
    """API keys, with accounts and workspaces. A key reserves its name until it is revoked or replaced."""

    def __init__(self, store: Store) -> None:
        AccountStore.__init__(self, store)
        WorkspaceStore.__init__(self, store)
        self._api_keys = store.collection(API_KEYS)

    @store_call
    async def find(self, key_hash: str) -> Credential | None:
        document = await self._api_keys.find_one({"key_hash": key_hash})
        if document is None:
            return None
        key = to_key(document)
        if key.workspace_id is None:
            return await self._personal(key)
        workspace = await self.workspace(key.workspace_id)
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

        async def replace(session: Transaction) -> bool:
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
        owner = await self.account(key.user_id or "")
        if owner is None:
            return None
        return Credential(key, await self.grants(owner.user.id), owner.user)


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
