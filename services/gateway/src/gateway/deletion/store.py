"""Permanent deletions in the gateway's database, and deletion of the gateway's own data."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

import msgspec

from gateway.access.store import API_KEYS, FOUNDING, INVITATIONS, WORKSPACES
from shared.contracts.erasure import Erase
from shared.store.client import Document, Store, store_call
from shared.store.documents import document_of, struct_of
from shared.store.indexes import Index, ascending

ERASURES: Final = "erasures"


KEPT_FOR: Final = timedelta(days=90)
"""Retention of finished erasures; the audit log keeps them permanently."""


INDEXES: Final = (
    Index(ERASURES, ascending("workspace_id")),
    Index(ERASURES, ascending("due_at"), partial={"is_open": True}),
    Index(ERASURES, ascending("forgotten_at"), expire_after_seconds=0),
)


class ErasureStatus(StrEnum):
    """Progress of an erasure."""

    ERASING = "erasing"
    SETTLING = "settling"
    """Nothing is left. Runs in progress at the start may still write data, which a last round deletes."""
    ERASED = "erased"


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """Erasure of a workflow, or of the whole workspace without one."""

    id: str
    workspace_id: str
    workflow_id: str | None = None
    requested_by: str
    requested_at: datetime
    settles_at: datetime
    """Time from which no run of it can be in progress."""
    due_at: datetime | None
    """Time of the next round, or when the claim of the gateway that runs it lapses; None when all is over."""
    emptied_at: datetime | None = None
    """First time that nothing was left."""
    documents: int = 0
    """Number of deleted documents."""

    @classmethod
    def of(cls, owner: Erase, *, by: str, at: datetime, settle: timedelta) -> Self:
        """Return a new erasure, due immediately."""
        return cls(
            id=erasure_id(owner),
            workspace_id=owner.workspace_id,
            workflow_id=owner.workflow_id,
            requested_by=by,
            requested_at=at,
            settles_at=at + settle,
            due_at=at,
        )

    @property
    def owner(self) -> Erase:
        """Return the owner of the data."""
        return Erase(self.workspace_id, self.workflow_id)

    @property
    def status(self) -> ErasureStatus:
        """Return the progress."""
        if self.due_at is None:
            return ErasureStatus.ERASED
        return ErasureStatus.ERASING if self.emptied_at is None else ErasureStatus.SETTLING

    def after_round(self, documents: int, *, has_more: bool, now: datetime) -> Self:
        """Return the erasure after one more round."""
        after = msgspec.structs.replace(self, documents=self.documents + documents)
        if has_more:
            return msgspec.structs.replace(after, due_at=now)
        due_at = self.settles_at if now < self.settles_at else None
        return msgspec.structs.replace(after, due_at=due_at, emptied_at=self.emptied_at or now)


class DeletionStore:
    """Records of deletions, and deletion of the gateway's own data."""

    def __init__(self, store: Store) -> None:
        self._erasures = store.collection(ERASURES)
        self._workspaces = store.collection(WORKSPACES)
        self._founding = store.collection(FOUNDING)
        self._api_keys = store.collection(API_KEYS)
        self._invitations = store.collection(INVITATIONS)

    @store_call
    async def save_erasure(self, erasure: Erasure) -> None:
        await self._erasures.replace_one({"_id": erasure.id}, _document(erasure), upsert=True)

    @store_call
    async def replace_erasure(self, before: Erasure, after: Erasure) -> bool:
        unchanged = {"_id": before.id, "due_at": before.due_at, "documents": before.documents}
        return (await self._erasures.replace_one(unchanged, _document(after))).matched_count == 1

    @store_call
    async def has_erasure(self, owner: Erase) -> bool:
        return await self._erasures.find_one({"_id": erasure_id(owner)}, {"_id": 1}) is not None

    @store_call
    async def due_erasures(self, now: datetime, limit: int) -> Sequence[Erasure]:
        found = self._erasures.find({"is_open": True, "due_at": {"$lte": now}}).sort("due_at", 1).limit(limit)
        return [struct_of(document, Erasure) async for document in found]

    @store_call
    async def erasures(self, workspace_id: str, limit: int) -> Sequence[Erasure]:
        found = self._erasures.find({"workspace_id": workspace_id}).sort("requested_at", -1).limit(limit)
        return [struct_of(document, Erasure) async for document in found]

    @store_call
    async def is_first(self, workspace_id: str) -> bool:
        return await self._founding.find_one({"workspace._id": workspace_id}, {"_id": 1}) is not None

    @store_call
    async def close_workspace(self, workspace_id: str) -> Sequence[str]:
        no_members = {"$set": {"members": []}, "$inc": {"revision": 1}}
        await self._workspaces.update_one({"_id": workspace_id, "members.0": {"$exists": True}}, no_members)
        found = self._api_keys.find({"workspace_id": workspace_id}, {"key_hash": 1})
        hashes = [each["key_hash"] async for each in found]
        await self._api_keys.delete_many({"key_hash": {"$in": hashes}})
        return hashes

    @store_call
    async def erase_workspace(self, workspace_id: str) -> int:
        mine = {"workspace_id": workspace_id}
        keys = await self._api_keys.delete_many(mine)
        invitations = await self._invitations.delete_many(mine)
        workspaces = await self._workspaces.delete_one({"_id": workspace_id})
        return keys.deleted_count + invitations.deleted_count + workspaces.deleted_count


def _document(erasure: Erasure) -> Document:
    is_open = erasure.due_at is not None
    forgotten = {} if is_open else {"forgotten_at": erasure.settles_at + KEPT_FOR}
    return {**document_of(erasure), "is_open": is_open, **forgotten}


def erasure_id(owner: Erase) -> str:
    """Return the id of the only erasure of a workflow or workspace, across repeated requests."""
    return "/".join(filter(None, (owner.workspace_id, owner.workflow_id)))
