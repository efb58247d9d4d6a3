"""Accounts and workspaces in the gateway's database."""

from datetime import datetime
from typing import Any, Final

import msgspec
from pymongo.errors import DuplicateKeyError

from gateway.access.domain.accounts import Account, User
from gateway.access.domain.credentials import Grant, Workspace
from gateway.access.domain.membership import Invitation, Member, Role, Team
from gateway.access.domain.sessions import Session
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
    """Implements Accounts."""

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
    """Implements Workspaces."""

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
