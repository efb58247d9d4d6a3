"""Conversations in MongoDB, one document each. A conflicting append is retried."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import msgspec
from pymongo.errors import DuplicateKeyError

from jobs_service.conversations.rules import ConversationLimits, Transcript
from jobs_service.store.timestamps import from_ms, now_ms
from shared.contracts.conversations import Conversation, ConversationMessage
from shared.optimistic_concurrency import retry_on_conflict
from shared.store.client import Document, Store, store_call
from shared.store.indexes import Index, ascending

CONVERSATIONS: Final = "conversations"
INDEXES: Final = (
    Index(CONVERSATIONS, ascending("workspace_id", "changed_ms")),
    Index(CONVERSATIONS, ascending("expires_at"), expire_after_seconds=0),
)
ATTEMPTS: Final = 40
PAUSE_SECONDS: Final = 0.05

_encode: Final = msgspec.json.Encoder().encode
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
