"""Workspaces, members and API keys in the gateway's database."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec
from pymongo.errors import DuplicateKeyError, PyMongoError

from gateway.domain.credentials import ApiKey, Credential, Member, Workspace
from shared.errors import Conflict, Unavailable
from shared.store.client import Document, Index, Store, by

WORKSPACES: Final = "workspaces"
MEMBERS: Final = "members"
API_KEYS: Final = "api_keys"
FOUNDING: Final = "founding"

INDEXES: Final = (
    Index(API_KEYS, by("key_hash"), unique=True),
    Index(API_KEYS, by("workspace_id", "name"), unique=True, partial={"revoked_at": None}),
    Index(MEMBERS, by("workspace_id", "email"), unique=True),
)


R = TypeVar("R", Workspace, ApiKey)


class TenantStore:
    """Implements TenantDatabase."""

    def __init__(self, store: Store) -> None:
        self.start = store.start
        self.stop = store.stop
        self.ping = store.ping
        self._workspaces = store.collection(WORKSPACES)
        self._members = store.collection(MEMBERS)
        self._api_keys = store.collection(API_KEYS)
        self._founding = store.collection(FOUNDING)

    async def find(self, key_hash: str) -> Credential | None:
        """See Keys."""
        with _store_errors():
            document = await self._api_keys.find_one({"key_hash": key_hash})
        if document is None:
            return None
        key = _record(document, ApiKey)
        workspace = await self.workspace(key.workspace_id)
        return None if workspace is None else Credential(key, workspace)

    async def workspace(self, workspace_id: str) -> Workspace | None:
        """See Keys."""
        with _store_errors():
            document = await self._workspaces.find_one({"_id": workspace_id})
        return None if document is None else _record(document, Workspace)

    async def record_use(self, key_id: str, at: datetime) -> None:
        """See Keys."""
        with _store_errors():
            await self._api_keys.update_one({"_id": key_id}, {"$max": {"last_used_at": at}})

    async def found(self, workspace: Workspace, admin: Member) -> Workspace:
        """See Tenants."""
        first: Document = {"_id": "first", "workspace": _document(workspace), "admin": _document(admin)}
        with _store_errors():
            await self._founding.update_one({"_id": "first"}, {"$setOnInsert": first}, upsert=True)
            kept = await self._founding.find_one({"_id": "first"}) or first
            for collection, document in ((self._members, kept["admin"]), (self._workspaces, kept["workspace"])):
                await collection.update_one({"_id": document["_id"]}, {"$setOnInsert": document}, upsert=True)
        return await self.workspace(kept["workspace"]["_id"]) or workspace

    async def has_keys(self, workspace_id: str) -> bool:
        """See Tenants."""
        with _store_errors():
            return await self._api_keys.find_one({"workspace_id": workspace_id}, {"_id": 1}) is not None

    async def add_key(self, key: ApiKey) -> None:
        """See Tenants."""
        with _store_errors():
            await self._api_keys.insert_one({**_document(key), "scopes": sorted(key.scopes)})


@contextmanager
def _store_errors() -> Iterator[None]:
    try:
        yield
    except DuplicateKeyError as error:
        raise Conflict("it exists already") from error
    except PyMongoError as error:
        raise Unavailable("The key store does not answer") from error


def _document(record: Workspace | Member | ApiKey) -> Document:
    fields: dict[str, Any] = msgspec.structs.asdict(record)
    return {"_id": fields.pop("id"), **fields}


def _record(document: Document, kind: type[R]) -> R:
    fields = {"id": document["_id"], **{name: value for name, value in document.items() if name != "_id"}}
    return msgspec.convert(fields, kind)
