"""Dead letters in MongoDB, with a retention time."""

from datetime import timedelta
from typing import Final

from jobs_service.dead_letters.rules import StoredLetter
from jobs_service.store.timestamps import from_ms, now_ms
from shared.contracts.dead_letters import DeadLetterKind, DeadLetterPage, DeadLetterView
from shared.store.client import Document, Store, store_call
from shared.store.indexes import Index, ascending
from shared.store.pagination import Cursor

LETTERS: Final = "dead_letters"
DIED: Final = "died_ms"
INDEXES: Final = (
    Index(LETTERS, ascending("workspace_ids", DIED)),
    Index(LETTERS, ascending("expires_at"), expire_after_seconds=0),
)


class MongoDeadLetters:
    """Messages that could not be processed."""

    def __init__(self, store: Store, lifetime: timedelta) -> None:
        self._store = store
        self._letters = store.collection(LETTERS)
        self._lifetime = lifetime

    @store_call
    async def add(self, letter: StoredLetter) -> None:
        """Store a letter; a repeated one increases its count."""
        now = await now_ms(self._store)
        fixed: Document = {
            "kind": letter.kind.value,
            "queue": letter.queue,
            "reason": letter.reason,
            "size": letter.size,
            "workspace_ids": list(letter.workspace_ids),
            "workflow_id": letter.workflow_id,
            "run_id": letter.run_id,
            "body": letter.body,
        }
        update = {
            "$setOnInsert": fixed,
            "$set": {DIED: now, "expires_at": from_ms(now) + self._lifetime},
            "$inc": {"times": 1},
        }
        await self._letters.update_one({"_id": letter.id}, update, upsert=True)

    @store_call
    async def page(self, workspace_id: str | None, *, limit: int, cursor: str | None) -> DeadLetterPage:
        """Return a workspace's letters and those without one, or all; newest first.

        Raises InvalidRequest for an invalid cursor.
        """
        wanted = _of(workspace_id)
        if cursor is not None:
            place = Cursor.parse(cursor)
            wanted |= {DIED: {"$lte": place.at}, **place.after(by=DIED)}
        newest_first = [(DIED, -1), ("_id", -1)]
        found = await self._letters.find(wanted, {"body": 0}).sort(newest_first).limit(limit + 1).to_list()
        shown = found[:limit]
        more = Cursor.of(shown[-1], by=DIED).text if len(found) > limit else None
        return DeadLetterPage(tuple(map(_view, shown)), more)

    @store_call
    async def view(self, letter_id: str, workspace_id: str) -> DeadLetterView | None:
        """Return a letter that `page` includes, as its readers see it."""
        found = await self._letters.find_one({"_id": letter_id, **_of(workspace_id)}, {"body": 0})
        return None if found is None else _view(found)

    @store_call
    async def find(self, letter_id: str, workspace_id: str | None) -> StoredLetter | None:
        """Return a letter that `page` includes."""
        found = await self._letters.find_one({"_id": letter_id, **_of(workspace_id)})
        return None if found is None else _letter(found)

    @store_call
    async def discard(self, letter_id: str) -> None:
        """Delete a letter."""
        await self._letters.delete_one({"_id": letter_id})


def _of(workspace_id: str | None) -> Document:
    """Match the workspace's letters and those without one; all if no workspace is named."""
    return {} if workspace_id is None else {"workspace_ids": {"$in": [[], [workspace_id]]}}


def _view(document: Document) -> DeadLetterView:
    owners = document["workspace_ids"]
    return DeadLetterView(
        id=document["_id"],
        kind=DeadLetterKind(document["kind"]),
        queue=document["queue"],
        reason=document["reason"],
        died_at=from_ms(document[DIED]),
        times=document["times"],
        size=document["size"],
        workspace_id=owners[0] if len(owners) == 1 else None,
        workflow_id=document["workflow_id"],
        run_id=document["run_id"],
    )


def _letter(document: Document) -> StoredLetter:
    return StoredLetter(
        id=document["_id"],
        kind=DeadLetterKind(document["kind"]),
        queue=document["queue"],
        reason=document["reason"],
        size=document["size"],
        workspace_ids=tuple(document["workspace_ids"]),
        workflow_id=document["workflow_id"],
        run_id=document["run_id"],
        body=document["body"],
    )
