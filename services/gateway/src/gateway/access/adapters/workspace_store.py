"""Workspaces, members and invitations. Members are embedded in the workspace, so that one write changes both."""

from datetime import datetime
from typing import Any, Final

import msgspec

from gateway.access.domain.accounts import Account
from gateway.access.domain.credentials import Grant, Workspace
from gateway.access.domain.membership import Invitation, Member, Role, Team
from shared.errors import NotFound
from shared.store.client import Document, Store, store_call
from shared.store.documents import document_of, struct_of
from shared.store.indexes import Index, ascending
from shared.store.transactions import Session, transact

WORKSPACES: Final = "workspaces"
INVITATIONS: Final = "invitations"
FOUNDING: Final = "founding"
USERS: Final = "users"
MAX_GRANTS: Final = 200

INDEXES: Final = (
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

    async def _replace_team(self, team: Team, session: Session | None = None) -> bool:
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

        async def join(session: Session) -> bool:
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
