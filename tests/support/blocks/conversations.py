"""Conversations in memory."""

from collections.abc import Sequence

import msgspec

from shared.contracts.conversations import ConversationMessage


class Store:
    """Stores conversations in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], list[ConversationMessage]] = {}
        self.seen: set[str] = set()

    async def read(self, workspace_id: str, conversation_id: str) -> list[ConversationMessage]:
        return self.kept.get((workspace_id, conversation_id), [])

    async def append(
        self, workspace_id: str, conversation_id: str, messages: Sequence[ConversationMessage], *, once: str
    ) -> None:
        if once not in self.seen:
            self.seen.add(once)
            stored = [msgspec.structs.replace(message, once=once) for message in messages]
            self.kept.setdefault((workspace_id, conversation_id), []).extend(stored)

    def said(self, workspace_id: str, conversation_id: str) -> list[ConversationMessage]:
        """Return the messages without their sources."""
        return [msgspec.structs.replace(message, once="") for message in self.kept[workspace_id, conversation_id]]

    async def conversations(self, workspace_id: str) -> dict[str, list[ConversationMessage]]:
        return {key: messages for (workspace, key), messages in self.kept.items() if workspace == workspace_id}

    async def delete(self, workspace_id: str, conversation_id: str) -> bool:
        return self.kept.pop((workspace_id, conversation_id), None) is not None
