"""Conversations of agents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Path, Query
from msgspec.structs import replace
from pymongo.errors import DuplicateKeyError
from starlette.responses import Response

from jobs_service.store import from_ms, now_ms
from shared.contracts import conversations as contracts
from shared.contracts.conversations import (
    LONGEST_CONVERSATION_ID,
    LONGEST_MESSAGE,
    AppendMessages,
    Conversation,
    ConversationDeleted,
    ConversationMessage,
)
from shared.errors import PayloadTooLarge
from shared.optimistic_concurrency import retry_on_conflict
from shared.service import ServiceName
from shared.store.client import Document, Store, store_call
from shared.store.indexes import Index, ascending
from shared.web.run_tickets import RunAccess, TicketChecks
from shared.web.struct_bodies import StructResponse, struct_body

APPENDS_KNOWN: Final = 64
"""Number of appends remembered. A retried run repeats only its latest appends."""
_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class ConversationLimits:
    """Limits of a conversation, which keeps its newest messages: their number and bytes of JSON.

    JSON takes up to six bytes for one of a text, and a document of the store has a limit.
    """

    messages: int
    size: int


@dataclass(frozen=True, slots=True)
class Transcript:
    """Messages, oldest first, and the names of the latest appends."""

    messages: tuple[ConversationMessage, ...] = ()
    appends: tuple[str, ...] = ()

    def appended(self, messages: Sequence[ConversationMessage], once: str, limits: ConversationLimits) -> "Transcript":
        """Return the transcript with `messages` appended and the oldest dropped beyond the limits.

        An append that is already included changes nothing.

        Raises PayloadTooLarge for a message that is too long.
        """
        if once in self.appends:
            return self
        if any(len(message.content.encode()) > LONGEST_MESSAGE for message in messages):
            raise PayloadTooLarge(f"A message can have at most {LONGEST_MESSAGE} bytes")
        added = (replace(message, once=once) for message in messages)
        kept = _newest((*self.messages, *added), limits)
        return Transcript(kept, (*self.appends, once)[-APPENDS_KNOWN:])


def _newest(messages: Sequence[ConversationMessage], limits: ConversationLimits) -> tuple[ConversationMessage, ...]:
    kept: list[ConversationMessage] = []
    room = limits.size
    for message in reversed(messages[-limits.messages :]):
        room -= len(_encode(message))
        if room < 0:
            break
        kept.append(message)
    return tuple(reversed(kept))


CONVERSATIONS: Final = "conversations"
INDEXES: Final = (
    Index(CONVERSATIONS, ascending("workspace_id", "changed_ms")),
    Index(CONVERSATIONS, ascending("expires_at"), expire_after_seconds=0),
)
ATTEMPTS: Final = 40
PAUSE_SECONDS: Final = 0.05

_decode: Final = msgspec.json.Decoder(tuple[ConversationMessage, ...]).decode


class MongoConversations:
    """Bounded conversations of agents, by workspace and id."""

    def __init__(self, store: Store, limits: ConversationLimits, lifetime: timedelta) -> None:
        self._store = store
        self._conversations = store.collection(CONVERSATIONS)
        self._limits = limits
        self._lifetime = lifetime

    @store_call
    async def read(self, workspace_id: str, conversation_id: str) -> Conversation:
        """Return the stored messages; none for an unknown conversation."""
        found = await self._find(_key(workspace_id, conversation_id))
        return Conversation(conversation_id) if found is None else _conversation(found)

    @store_call
    async def append(
        self, workspace_id: str, conversation_id: str, messages: Sequence[ConversationMessage], *, once: str
    ) -> None:
        """Append all messages or none; nothing if `once` is repeated. Raises PayloadTooLarge."""
        key = _key(workspace_id, conversation_id)

        async def write() -> bool | None:
            found = await self._find(key)
            before = Transcript() if found is None else _transcript(found)
            after = before.appended(messages, once, self._limits)
            return after is before or await self._replaced(key, found, await self._fields(after)) or None

        conflict = f"Conversation {conversation_id} is being changed too often. Try again."
        await retry_on_conflict(write, conflict=conflict, attempts=ATTEMPTS, longest_delay=PAUSE_SECONDS)

    @store_call
    async def latest(self, workspace_id: str, limit: int, size: int) -> Sequence[Conversation]:
        """Return up to `limit` conversations and about `size` bytes, most recently changed first."""
        found = self._conversations.find({"workspace_id": workspace_id}).sort("changed_ms", -1).limit(limit)
        listed: list[Conversation] = []
        async for document in found:
            size -= len(document["messages"])
            if size < 0:
                break
            listed.append(_conversation(document))
        return listed

    @store_call
    async def delete(self, workspace_id: str, conversation_id: str) -> bool:
        """Delete a conversation; return whether it existed."""
        done = await self._conversations.delete_one({"_id": _key(workspace_id, conversation_id)})
        return done.deleted_count > 0

    async def _find(self, key: str) -> Document | None:
        return await self._conversations.find_one({"_id": key})

    async def _fields(self, transcript: Transcript) -> Document:
        now = await now_ms(self._store)
        return {
            "messages": _encode(transcript.messages),
            "appends": list(transcript.appends),
            "changed_ms": now,
            "expires_at": from_ms(now) + self._lifetime,
        }

    async def _replaced(self, key: str, found: Document | None, fields: Document) -> bool:
        """Replace the conversation unless it has changed; return whether it was replaced."""
        if found is not None:
            wanted = {"_id": key, "revision": found["revision"]}
            done = await self._conversations.update_one(wanted, {"$set": fields, "$inc": {"revision": 1}})
            return done.matched_count > 0
        workspace_id, _, conversation_id = key.partition("/")
        named = {"_id": key, "workspace_id": workspace_id, "conversation_id": conversation_id, "revision": 1}
        try:
            await self._conversations.insert_one(named | fields)
        except DuplicateKeyError:
            return False
        return True


def _key(workspace_id: str, conversation_id: str) -> str:
    return f"{workspace_id}/{conversation_id}"


def _transcript(document: Document) -> Transcript:
    return Transcript(_decode(document["messages"]), tuple(document["appends"]))


def _conversation(document: Document) -> Conversation:
    return Conversation(document["conversation_id"], _decode(document["messages"]))


LISTED: Final = 100
LISTED_BYTES: Final = 8 * 1024 * 1024
Workspace = Annotated[str, Path(max_length=128)]
Id = Annotated[str, Query(min_length=1, max_length=LONGEST_CONVERSATION_ID)]
"""In the query: people choose ids, and a path cannot contain their slashes."""


def conversations_router(conversations: MongoConversations, checks: TicketChecks) -> APIRouter:
    """Return the conversation routes, restricted to the run's workspace."""
    holder = checks.access(ServiceName.EXECUTOR)

    async def is_of_workspace(workspace_id: Workspace, access: Annotated[RunAccess, Depends(holder)]) -> None:
        access.require(workspace_id=workspace_id)

    router = APIRouter(prefix="/internal/conversations/{workspace_id}", dependencies=[Depends(is_of_workspace)])

    @router.get("")
    async def latest(workspace_id: Workspace) -> Response:
        found = await conversations.latest(workspace_id, LISTED, LISTED_BYTES)
        return StructResponse(contracts.Conversations(tuple(found)))

    @router.get("/messages")
    async def read(workspace_id: Workspace, conversation_id: Id) -> Response:
        return StructResponse(await conversations.read(workspace_id, conversation_id))

    @router.post("/messages", status_code=204)
    async def append(
        workspace_id: Workspace,
        conversation_id: Id,
        body: Annotated[AppendMessages, Depends(struct_body(AppendMessages))],
    ) -> None:
        await conversations.append(workspace_id, conversation_id, body.messages, once=body.once)

    @router.delete("/messages")
    async def delete(workspace_id: Workspace, conversation_id: Id) -> Response:
        return StructResponse(ConversationDeleted(await conversations.delete(workspace_id, conversation_id)))

    return router
