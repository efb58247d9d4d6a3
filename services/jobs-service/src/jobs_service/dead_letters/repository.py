"""Dead letters in MongoDB, with a retention time."""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

from jobs_service.store import from_ms, now_ms
from shared.contracts.dead_letters import DeadLetterKind, DeadLetterPage, DeadLetterView
from shared.contracts.messages import (
    AttachedRunRequested,
    DurableRunDispatched,
    Message,
    RecordBatch,
    UnreadableMessage,
    decode,
)
from shared.store.client import Document, Store, store_call
from shared.store.indexes import Index, ascending
from shared.store.pagination import Cursor

EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLetter:
    """A dead letter. `body` is stored only if nothing else holds it: a run's input stays with the run."""

    id: str
    kind: DeadLetterKind
    queue: str
    reason: str
    size: int
    workspace_ids: tuple[str, ...] = ()
    workflow_id: str | None = None
    run_id: str | None = None
    body: bytes | None = None

    @property
    def next_run_id(self) -> str:
        """Return the id of its redriven run: of two concurrent redrives, one starts it."""
        return str(UUID(hex=self.id, version=4))


def lost_attached_run(body: bytes) -> AttachedRunRequested | None:
    """Return the attached run that no worker will execute, if the letter is one."""
    with suppress(UnreadableMessage):
        match decode(body).message:
            case AttachedRunRequested() as call:
                return call
    return None


def examine(body: bytes, *, queue: str, reason: str) -> StoredLetter | None:
    """Return what to store of a message that died in `queue`; None if nothing is lost."""
    letter_id = sha256(f"{queue}\n{reason}\n".encode() + body).hexdigest()[:32]
    stored = StoredLetter(id=letter_id, kind=DeadLetterKind.UNREADABLE, queue=queue, reason=reason, size=len(body))
    try:
        message = decode(body).message
    except UnreadableMessage as error:
        return replace(stored, reason=f"{reason}: {error}"[:500], body=body)
    return _described(stored, message, body)


def _described(stored: StoredLetter, message: Message, body: bytes) -> StoredLetter | None:
    match message:
        case DurableRunDispatched(run_id=run_id, workspace_id=workspace_id):
            return replace(stored, kind=DeadLetterKind.DURABLE_RUN, run_id=run_id, workspace_ids=(workspace_id,))
        case AttachedRunRequested() if stored.reason == EXPIRED:
            return None  # its caller is notified
        case AttachedRunRequested(run=run):
            return replace(
                stored,
                kind=DeadLetterKind.ATTACHED_RUN,
                run_id=run.run_id,
                workspace_ids=(run.snapshot.workspace_id,),
                workflow_id=run.snapshot.workflow_id,
            )
        case RecordBatch(records=records):
            owners = dict.fromkeys(record.run.snapshot.workspace_id for record in records)
            return replace(stored, kind=DeadLetterKind.RECORDS, workspace_ids=tuple(owners), body=body)
        case _:
            return None


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
